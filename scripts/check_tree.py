"""What no other tool checks: sizes of modules, forbidden names, docs that point at what is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LIMIT = 500
BINARY_LIMIT = 20 * 1024 * 1024


def problems() -> list[str]:
    found: list[str] = []
    files = [
        Path(p)
        for p in subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
        if p
    ]
    for file in files:
        if not file.exists():
            continue
        if file.stat().st_size > BINARY_LIMIT:
            found.append(f"{file}: over 20 MB")
        if file.suffix in (".py", ".ts", ".vue") and (lines := len(file.read_text("utf-8").splitlines())) > LIMIT:
            found.append(f"{file}: {lines} lines, {LIMIT} are allowed")
        if file.suffix == ".md":
            found.extend(dead_links(file))
    return found


def dead_links(file: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", file.read_text("utf-8"), flags=re.S)
    targets = re.findall(r"\]\((?!https?:|mailto:|#|/)([^)#\s]+)", text)
    return [
        f"{file}: points at {target}, which is not there" for target in targets if not (file.parent / target).exists()
    ]


if __name__ == "__main__":
    wrong = problems()
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))
