"""Set-up with make: what is missing is said in a line and is no hindrance, and what was missing is done when it is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("make", "sh", "cat", "dirname", "find", "mkdir", "sed", "sort", "touch", "grep")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout's set-up parts, and a PATH (``bin``) with the usual tools but without Node.js."""
    root = tmp_path / "checkout"
    for name in ("Makefile", "scripts/setup-console", "scripts/setup-models", "console/package.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for name in ("console/index.html", "requirements.lock", "pyproject.toml", "scripts/setup-python", ".make/python"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "bin").mkdir()
    for tool in TOOLS:
        (root / "bin" / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is not there"))
    return root


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def make(tree: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", target], cwd=tree, env={"PATH": str(tree / "bin")}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("node", ["", "v18.19.1", "v20.18.9", "v9.99.0"])
def test_without_a_fitting_node_make_goes_on_and_builds_the_console_later(tree: Path, node: str) -> None:
    npm = 'echo "$@" >>npm.log'
    if node:
        program(tree / "bin" / "node", f"echo {node}")
        program(tree / "bin" / "npm", npm)
    without = make(tree, "console")
    assert without.returncode == 0
    assert without.stderr == (
        "the console is not built: install Node.js 20.19 or newer with npm "
        f"(found: {node or 'none'}), then: make console\n"
    )
    assert not (tree / "console" / "npm.log").exists()
    program(tree / "bin" / "node", "echo v20.19.0")
    program(tree / "bin" / "npm", npm)
    built = make(tree, "console")
    assert (built.returncode, built.stderr) == (0, "")
    steps = (tree / "console" / "npm.log").read_text()
    assert steps == "ci --no-audit --no-fund\nrun build\n"
    assert make(tree, "console").returncode == 0
    assert (tree / "console" / "npm.log").read_text() == steps, "what is built is not built again"


def test_a_console_that_cannot_be_built_is_an_error(tree: Path) -> None:
    program(tree / "bin" / "node", "echo v22.1.0")
    program(tree / "bin" / "npm", "echo no network; exit 1")
    failed = make(tree, "console")
    assert failed.returncode != 0
    assert "no network" in failed.stderr
    assert not (tree / ".make" / "console").exists()


def test_a_model_that_could_not_be_fetched_is_fetched_by_the_next_make(tree: Path) -> None:
    stamp = tree / ".make" / "models"
    program(tree / ".venv" / "bin" / "python", "exit 1")  # there is no model
    program(tree / ".venv" / "bin" / "hotline", "exit 1")  # and no network
    offline = make(tree, ".make/models")
    assert offline.returncode == 0
    assert "going on without a speech model" in offline.stderr
    assert not stamp.exists()
    program(tree / ".venv" / "bin" / "hotline", "exit 0")
    assert make(tree, ".make/models").stderr == ""
    assert stamp.exists()


def test_a_model_that_is_there_is_not_fetched(tree: Path) -> None:
    program(tree / ".venv" / "bin" / "python", "exit 0")
    program(tree / ".venv" / "bin" / "hotline", "exit 1")
    assert make(tree, ".make/models").stdout == ""
    assert (tree / ".make" / "models").exists()
