"""The form in a real browser: the proof of work is done, a file goes along, the receipt appears."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from connectors.webform import connector, limits, pages
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


TILE = bytes.fromhex(  # one grey pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6368000000820081"
    "77cd72b60000000049454e44ae426082"
)


@contextlib.asynccontextmanager
async def tile_server() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A map's pictures from another origin: their address as the settings name it, and what was asked for."""
    asked: list[web.Request] = []

    async def tile(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=TILE, content_type="image/png")

    app = web.Application()
    app.router.add_get(r"/{z:\d+}/{x:\d+}/{y:\d+}.png", tile)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}/{{z}}/{{x}}/{{y}}.png", asked


async def test_the_place_is_marked_on_a_map(tmp_path: Path) -> None:
    """A Chinese provider's map: what the device measured is shown where it is, what the marker says is the map's datum."""
    from playwright.async_api import async_playwright

    if not pages._there("map.js"):
        pytest.skip("the form's map is not built: make console")
    async with tile_server() as (tiles, asked), serving(connector.routes) as client, async_playwright() as playwright:
        settings.use(
            WebFormSettings(
                unproved_per_hour=0,
                map_tiles=tiles,
                map_datum="GCJ-02",
                map_attribution="示例地图",
                map_start="30.2,120.1,12",
            )
        )
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(
            locale="zh-CN",
            viewport={"width": 390, "height": 844},
            geolocation={"latitude": 30.276, "longitude": 120.12},
            permissions=["geolocation"],
        )
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(str(client.make_url("/form/repair")))
        await page.wait_for_selector(".leaflet-tile-loaded")
        assert "示例地图" in await page.inner_text(".leaflet-control-attribution")
        assert asked[0].headers["Referer"] == str(client.make_url("/"))  # the site, not the page

        async def place() -> tuple[float, float, str]:
            latitude, longitude, datum = [
                await page.input_value(f"[name={n}]") for n in ("latitude", "longitude", "datum")
            ]
            return float(latitude), float(longitude), datum

        await page.click("button.place")
        await page.wait_for_selector(".pin")
        assert await place() == (30.276, 120.12, "WGS-84")
        pin = page.locator(".pin")
        await pin.scroll_into_view_if_needed()
        box = await pin.bounding_box()
        assert box is not None
        # Zoom 16: 40 points to the right are about 80 m; the map's datum adds some 460 m of longitude at Hangzhou.
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + 40, y, steps=8)
        await page.mouse.up()
        latitude, longitude, datum = await place()
        assert datum == "GCJ-02"
        assert 120.12 + 0.004 < longitude < 120.12 + 0.0065
        assert abs(latitude - 30.276) < 0.004
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

        await page.fill("#f-phone", "13900001234")
        await page.fill("#f-device", "空调")
        await page.fill("#f-fault", "不制冷")
        await page.click("button.main")
        await page.wait_for_selector("#receipt")
        await context.close()
        await browser.close()
    with db.read() as session:
        sent = message_of(session.scalars(select(MessageRow)).one()).place
    assert sent is not None
    assert (sent.latitude, sent.longitude, sent.datum) == (latitude, longitude, "GCJ-02")
    assert errors == []


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
