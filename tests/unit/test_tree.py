"""What the tree promises: rooms nobody else owns, constant log sentences, one source of now, modules of a readable size."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "connectors", "intake", "settlement", "dispatch", "sla", "ticketing", "nlu", "asr", "core")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def test_no_locked_package_owns_a_room_s_name() -> None:
    taken: dict[str, str] = {}
    for distribution in distributions():
        if distribution.metadata["Name"] == "hotline":
            continue
        for file in distribution.files or ():
            top = file.parts[0].removesuffix(".py")
            if top in ROOMS:
                taken[top] = distribution.metadata["Name"]
    assert taken == {}
    assert not set(ROOMS) & set(sys.stdlib_module_names)


def test_log_sentences_are_constant() -> None:
    wrong = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LOG_METHODS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("logger", "log")
                and node.args
                and not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
            ):
                wrong.append(f"{path}:{node.lineno}")
    assert wrong == []


def test_now_comes_from_the_clock() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path != Path("core/clock.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    ]
    assert wrong == []


def test_no_module_is_over_500_lines() -> None:
    long = {str(path): n for path, _ in modules() if (n := len((ROOT / path).read_text("utf-8").splitlines())) > 500}
    assert long == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for(room: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text("utf-8")))


def test_the_lock_file_pins_every_dependency() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.M | re.I))
    wanted = re.findall(
        r'^    "([A-Za-z0-9._-]+)', (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0], re.M
    )
    normal = {re.sub(r"[._-]+", "-", name).lower() for name in locked}
    assert [name for name in wanted if re.sub(r"[._-]+", "-", name).lower() not in normal] == []


def test_what_several_lock_files_pin_has_one_version() -> None:
    pinned: dict[str, dict[str, str]] = {}
    for path in sorted(ROOT.glob("requirements*.lock")):
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", path.read_text(), re.M | re.I):
            pinned.setdefault(re.sub(r"[._-]+", "-", name).lower(), {})[path.name] = version
    several = {name: found for name, found in pinned.items() if len(found) > 1}
    assert {"requirements.lock", "requirements-speaker.lock"} <= set(several["numpy"])
    assert {name: found for name, found in several.items() if len(set(found.values())) > 1} == {}
