"""A real IMAP server: Debian's dovecot, started for one test with its files in a directory of its own."""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "ge:he/im@1"


@contextlib.contextmanager
def dovecot(home: Path) -> Iterator[int]:
    """Runs it with any user name and PASSWORD on a port of 127.0.0.1, which is returned. Skips where it is not installed."""
    program = shutil.which("dovecot") or "/usr/sbin/dovecot"
    if not Path(program).exists():
        pytest.skip("no IMAP server to test against: apt install dovecot-imapd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Dovecot reads mail as an ordinary user only, even when root starts it.
    owner = pwd.getpwnam("nobody" if os.geteuid() == 0 else getpass.getuser())
    for folder in (home, home / "run", home / "mail"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(folder, owner.pw_uid, owner.pw_gid)
    for parent in (home, *home.parents):
        if os.stat(parent).st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    group = grp.getgrgid(owner.pw_gid).gr_name
    (home / "dovecot.conf").write_text(
        f"""
protocols = imap
base_dir = {home}/run
log_path = {home}/log
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = {owner.pw_name}
default_internal_group = {group}
default_login_user = {owner.pw_name}
first_valid_uid = 1
mailbox_idle_check_interval = 1 secs
mail_location = maildir:{home}/mail/%u
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={home}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
    )
    process = subprocess.Popen([program, "-F", "-c", str(home / "dovecot.conf")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                log = (home / "log").read_text() if (home / "log").exists() else ""
                raise RuntimeError(f"dovecot did not start: {log}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
