"""Sheets of QR labels for machines: A4, 3 × 8, each with the code's address, its text and what it stands on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import segno
from aiohttp import web
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import select

from core import db, settings
from core.errors import InvalidInput, NotFound
from ticketing import Asset, require, signed_in
from ticketing import access as ticketing_access

COLUMNS, ROWS = 3, 8
WIDTH, HEIGHT = A4[0] / COLUMNS, A4[1] / ROWS
FONT = "STSong-Light"  # one of the PDF standard's Chinese fonts: readers bring it, so nothing is embedded
MOST = 2_000


@dataclass(frozen=True, kw_only=True)
class Label:
    """What one label says."""

    code: str
    title: str = ""
    place: str = ""


def routes(app: web.Application) -> None:
    app.router.add_get("/labels.pdf", sheet)


async def sheet(request: web.Request) -> web.StreamResponse:
    """``?codes=A,B`` for signed-in staff; without it, every asset."""
    return await ticketing_access.middleware(request, _sheet)


async def _sheet(request: web.Request) -> web.StreamResponse:
    require(signed_in(request), "asset.read")
    codes = [code.strip() for code in request.query.get("codes", "").split(",") if code.strip()]
    found = await db.run(of_assets, codes)
    content = await db.run(pdf, found, base_url(f"{request.scheme}://{request.host}"))
    return web.Response(
        body=content,
        content_type="application/pdf",
        headers={"Content-Disposition": 'attachment; filename="labels.pdf"', "Cache-Control": "no-store"},
    )


def base_url(fallback: str = "http://localhost:8080") -> str:
    """Where the codes lead."""
    return (settings.get(settings.CoreSettings).public_url or fallback).rstrip("/")


def of_assets(codes: Sequence[str]) -> list[Label]:
    """Labels of these assets, or of all; raises NotFound naming a code that there is not, InvalidInput for too many."""
    with db.read() as session:
        query = select(Asset).order_by(Asset.code).limit(MOST + 1)
        assets = session.scalars(query.where(Asset.code.in_(codes)) if codes else query).all()
    missing = set(codes) - {asset.code for asset in assets}
    if missing:
        raise NotFound("There is no asset of this code.", codes=sorted(missing)[:20])
    if len(assets) > MOST:
        raise InvalidInput(f"A sheet may have {MOST} labels; please name the codes.")
    return [
        Label(code=a.code, title=" ".join(filter(None, (a.brand, a.device, a.model))), place=a.address) for a in assets
    ]


def pdf(labels: Sequence[Label], base: str) -> bytes:
    """The sheets. ``base`` is the address before ``/asset/CODE``."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    canvas.setTitle("Hotline asset labels")
    for number, label in enumerate(labels):
        slot = number % (COLUMNS * ROWS)
        if number and slot == 0:
            canvas.showPage()
        _draw(canvas, label, base, slot % COLUMNS * WIDTH, A4[1] - (slot // COLUMNS + 1) * HEIGHT)
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, label: Label, base: str, left: float, bottom: float) -> None:
    code = segno.make(f"{base}/asset/{label.code}", error="m", micro=False)
    matrix = [list(row) for row in code.matrix]
    side = 26 * mm
    step = side / len(matrix)
    x, top = left + 5 * mm, bottom + HEIGHT - 5 * mm
    for down, row in enumerate(matrix):
        for across, dark in enumerate(row):
            if dark:
                # A hair larger than the grid: printers show white lines between squares that only touch.
                canvas.rect(x + across * step, top - (down + 1) * step, step + 0.1, step + 0.1, stroke=0, fill=1)
    text = x + side + 3 * mm
    room = WIDTH - side - 11 * mm
    lines = [(label.code, 11)] + [(line, 8) for line in _wrapped(label.title, 8, room)[:2]]
    lines += [(line, 7) for line in _wrapped(label.place, 7, room)[:2]] + [("扫码报修 Scan to report", 7)]
    y = top - 4 * mm
    for line, wanted in lines:
        size = float(wanted)
        while pdfmetrics.stringWidth(line, FONT, size) > room and size > 5:
            size -= 0.5
        canvas.setFont(FONT, size)
        canvas.drawString(text, y, line)
        y -= size + 2.5


def _wrapped(text: str, size: float, room: float) -> list[str]:
    lines = [""]
    for character in text:
        if pdfmetrics.stringWidth(lines[-1] + character, FONT, size) > room:
            lines.append("")
        lines[-1] += character
    return [line for line in lines if line]
