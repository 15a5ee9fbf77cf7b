"""Chromium driving the built console, and what a console's test needs on the other side: users and their sessions."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.system import RunningSystem

CONSOLE = Path(__file__).parents[2] / "console" / "dist" / "index.html"
PATIENCE = 20_000  # ms for something to appear; the whole system shares two cores with the browser
PASSWORD = "drei-Krähen-im-Schnee 9"
# Nothing of the browser itself goes out; it talks to the program under test alone.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The browser's path; skips where there is none or the console is not built."""
    found = os.environ.get("HOTLINE_TEST_CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("Chromium is not installed: apt install chromium fonts-noto-cjk")
    if not CONSOLE.exists():
        pytest.skip("the console is not built: npm --prefix console ci && npm --prefix console run build")
    return found


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A browser, closed afterwards."""
    path = chromium()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def window(
    browser: Browser, system: RunningSystem, *, width: int = 1440, height: int = 900, locale: str = "zh-CN"
) -> Iterator[Page]:
    """A fresh window at the console's door. What the page throws or logs as an error fails the test when it closes; the
    browser's own line about an answer that is an error (a wrong password is 401) does not."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, timezone_id="Asia/Shanghai", accept_downloads=False
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda line: (
            problems.append(line.text)
            if line.type == "error" and not line.text.startswith("Failed to load resource")
            else None
        ),
    )
    page.goto(f"{system.web}/console/")
    try:
        yield page
    finally:
        context.close()
    assert problems == []


def add_user(system: RunningSystem, login: str, role: str, name: str) -> None:
    """``hotline user add`` against the running system, as an administrator would on the machine."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")},
        "HOTLINE_DATA_DIR": str(system.directory),
        "HOTLINE_ENV_FILE": "",
    }
    subprocess.run(
        [sys.executable, "-m", "app.cli", "user", "add", login, "--role", role, "--name", name],
        env=environment,
        input=f"{PASSWORD}\n".encode(),
        check=True,
        capture_output=True,
        timeout=60,
    )


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    """Types name and password and sends them."""
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("[data-test=sign-in]")
