"""The form in a real browser: the proof of work is done, a file goes along, the receipt appears."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.webform import connector, limits
from connectors.webform.settings import WebFormSettings
from core import db, settings
from intake import MessageRow, message_of
from tests.support.web import serving

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or not importlib.util.find_spec("playwright"), reason="needs Chromium"),
    pytest.mark.usefixtures("database", "blob_store"),
]


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """Nothing is taken without a proof of work."""
    limits._mine.clear()
    settings.use(WebFormSettings(unproved_per_hour=0))
    yield
    limits._mine.clear()


async def test_the_form_is_sent_from_a_browser(tmp_path: Path) -> None:
    from playwright.async_api import async_playwright

    picture = tmp_path / "外机.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    async with serving(connector.routes) as client, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(
            locale="zh-CN", geolocation={"latitude": 30.276, "longitude": 120.12}, permissions=["geolocation"]
        )
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(str(client.make_url("/form/repair")))
        await page.fill("#f-phone", "13900001234")
        await page.fill("#f-address", "文三路99号")
        await page.fill("#f-device", "空调")
        await page.fill("#f-fault", "不制冷")
        await page.click("button.place")
        await page.wait_for_function("document.querySelector('[name=latitude]').value !== ''")
        await page.set_input_files("#f-files", str(picture))
        await page.click("button.main")
        await page.wait_for_selector("#receipt")
        receipt = await page.inner_text("#receipt")
        await context.close()
        await browser.close()
    with db.read() as session:
        row = session.scalars(select(MessageRow)).one()
    message = message_of(row)
    assert receipt == f"R{row.id[:10].upper()}"
    assert message.attachments[0].name == "外机.png"
    assert message.place is not None
    assert (message.place.latitude, message.place.longitude) == (30.276, 120.12)
    assert errors == []
