"""The demo's stage: an installation of its own on embedded defaults, with staff, parts and an asset."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from app import system, wiring
from app.demo.send import SAMPLES, Entrances
from app.demo.wechat_api import WeChatApi
from app.supervisor import Supervisor
from core import db, settings
from core.errors import Unavailable
from dispatch.roster import save_engineer
from settlement import stock
from ticketing import create_user

STAFF = (
    # login, name, role, skills, regions, home (WGS-84 degrees)
    ("agent", "客服小周", "agent", (), (), None),
    ("dispatcher", "调度老吴", "dispatcher", (), (), None),
    ("manager", "经理林岚", "manager", (), (), None),
    ("admin", "管理员", "administrator", (), (), None),
    (
        "engineer",
        "工程师马强",
        "engineer",
        ("air_conditioner", "washing_machine", "refrigerator"),
        ("11",),
        (39.91, 116.46),
    ),
    ("engineer2", "工程师孙磊", "engineer", ("water_heater", "gas_stove"), ("11",), (39.98, 116.31)),
    ("engineer3", "工程师何敏", "engineer", ("washing_machine", "air_conditioner"), ("31",), (31.23, 121.52)),
    ("engineer4", "工程师罗杰", "engineer", ("printer", "computer", "network"), ("44",), (23.13, 113.32)),
)


@dataclass(kw_only=True)
class Stage:
    """The running system of the demo."""

    supervisor: Supervisor
    watcher: threading.Thread
    entrances: Entrances
    password: str
    wechat: WeChatApi
    directory: Path

    def close(self) -> None:
        self.supervisor.stop()
        self.watcher.join(timeout=60)
        if self.supervisor.log is not None:
            self.supervisor.log.close()
        self.wechat.close()
        db.shut_down()


def open_stage(directory: Path) -> Stage:
    """Empties the demo's directory, writes its staff and starts every process; returns when all entrances listen.

    Raises Conflict, and leaves everything as it is, while another demo runs there."""
    system.hold(directory)
    system.empty(directory)
    wechat = WeChatApi(SAMPLES / "leak.png")
    entrances = _prepare_environment(directory, wechat)
    password = secrets.token_urlsafe(9)
    supervisor = system.whole_system()
    wiring.prepare()
    _hire(password)
    supervisor.log = (directory / "log").open("ab")
    supervisor.start()
    watcher = threading.Thread(target=supervisor.watch, name="supervisor", daemon=True)
    watcher.start()
    stage = Stage(
        supervisor=supervisor,
        watcher=watcher,
        entrances=entrances,
        password=password,
        wechat=wechat,
        directory=directory,
    )
    try:
        _wait(entrances)
    except BaseException:
        stage.close()
        raise
    return stage


def _prepare_environment(directory: Path, wechat: WeChatApi) -> Entrances:
    web, smtp, sip = _port("WEB", 8400), _port("MAIL", 8025), _port("SIP", 5060, udp=True)
    entrances = Entrances(
        web=f"http://127.0.0.1:{web}",
        smtp_port=smtp,
        sip_port=sip,
        wechat_token=secrets.token_hex(8),
        wechat_key=secrets.token_hex(22)[:43],
        wechat_app="wx0123456789demo00",
    )
    os.environ.update(
        {
            "HOTLINE_DATA_DIR": str(directory),
            "HOTLINE_DATABASE_URL": "",
            "HOTLINE_REDIS_URL": "",
            "HOTLINE_ENV_FILE": "",
            "HOTLINE_PUBLIC_URL": entrances.web,
            "HOTLINE_WEB_PORT": str(web),
            "HOTLINE_MAIL_PORT": str(smtp),
            "HOTLINE_SIP_PORT": str(sip),
            "HOTLINE_WECHAT_TOKEN": entrances.wechat_token,
            "HOTLINE_WECHAT_AES_KEY": entrances.wechat_key,
            "HOTLINE_WECHAT_APP_ID": entrances.wechat_app,
            "HOTLINE_WECHAT_SECRET": secrets.token_hex(16),
            "HOTLINE_WECHAT_API_URL": wechat.url,
            "HOTLINE_SETTLEMENT_SURVEY_MINUTES": "0",
        }
    )
    settings.forget()
    return entrances


def _port(name: str, usual: int, *, udp: bool = False) -> int:
    """The port that the environment names, the usual one if it is free, else any free one."""
    given = os.environ.get(f"HOTLINE_{name}_PORT")
    if given:
        return int(given)
    for port in (usual, 0):
        with socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("There is no free port.")


def _hire(password: str) -> None:
    """The staff that the demo's tickets go through, and parts in an engineer's bag."""
    with db.write() as session:
        for login, name, role, skills, regions, home in STAFF:
            user = create_user(session, login=login, name=name, role=role, password=password, actor="demo")
            if role != "engineer":
                continue
            latitude, longitude = home or (None, None)
            engineer = save_engineer(
                session,
                user.id,
                skills=skills,
                certificates=[{"name": "refrigeration"}, {"name": "gas"}],
                regions=regions,
                latitude=latitude,
                longitude=longitude,
            )
            bag = stock.location_of(session, engineer)
            for part in ("P-CAP-35", "P-R32-500", "P-PUMP-WM"):
                stock.receive(session, bag, part, 5, actor="demo")


def _wait(entrances: Entrances, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    missing = ["web", "mail", "voice"]
    while missing:
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(missing)} did not start; see the log in the demo's directory.")
        missing = [name for name in missing if not _there(name, entrances)]
        time.sleep(0.1)


def _there(name: str, entrances: Entrances) -> bool:
    try:
        if name == "web":
            return requests.get(f"{entrances.web}/healthz", timeout=2).ok
        if name == "mail":
            socket.create_connection(("127.0.0.1", entrances.smtp_port), timeout=1).close()
            return True
        return _answers_options(entrances.sip_port)
    except (OSError, requests.RequestException):
        return False


def _answers_options(port: int) -> bool:
    """Whether somebody answers a SIP OPTIONS, the protocol's own "are you there"."""
    branch = secrets.token_hex(6)
    with socket.socket(type=socket.SOCK_DGRAM) as link:
        link.settimeout(0.5)
        link.bind(("127.0.0.1", 0))
        own = link.getsockname()[1]
        lines = [
            f"OPTIONS sip:400@127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{branch};rport",
            f"From: <sip:demo@127.0.0.1:{own}>;tag={branch}",
            f"To: <sip:400@127.0.0.1:{port}>",
            f"Call-ID: {branch}@demo",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        link.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", port))
        return link.recv(2000).startswith(b"SIP/2.0 200")
