"""The page behind a survey's link. Public: the link's signature is all that is asked for."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from jinja2 import Environment

from core import clock, db, http, settings
from core.errors import Conflict, Malformed
from dispatch import language_of
from settlement import surveys
from settlement.settings import SettlementSettings
from ticketing import Ticket

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LIMIT = 16 * 1024
SAYS: dict[str, dict[str, Any]] = {
    "zh": {
        "title": "服务评价",
        "score": "您对本次服务满意吗？",
        "stars": {5: "非常满意", 4: "满意", 3: "一般", 2: "不满意", 1: "非常不满意"},
        "comment": "想对我们说的话（可不填）",
        "send": "提交",
        "thanks": "感谢您的评价！",
        "answered": "您已经评价过了，谢谢。",
        "late": "评价链接已过期。",
        "choose": "请选择 1 到 5 分。",
    },
    "en": {
        "title": "How was our service?",
        "score": "Are you satisfied?",
        "stars": {5: "very", 4: "yes", 3: "so-so", 2: "no", 1: "not at all"},
        "comment": "Anything you want to tell us (optional)",
        "send": "Send",
        "thanks": "Thank you for your answer.",
        "answered": "You have answered already. Thank you.",
        "late": "This link is too old.",
        "choose": "Please choose 1 to 5.",
    },
}


def routes(app: web.Application) -> None:
    """Adds the page to the public application (not under /api/v1)."""
    app.router.add_get("/survey/{token}", show)
    app.router.add_post("/survey/{token}", take)


async def show(request: web.Request) -> web.Response:
    found = await db.run(_find, request.match_info["token"])
    return _page(found, thanks=found["answered"], problem="late" if found["late"] and not found["answered"] else "")


async def take(request: web.Request) -> web.Response:
    token = request.match_info["token"]
    found = await db.run(_find, token)
    if request.content_type != "application/x-www-form-urlencoded":
        raise Malformed("The form is sent as a form.")
    form = await _form(request)
    score = form.get("score", "")
    if score not in ("1", "2", "3", "4", "5"):
        return _page(found, problem="choose", status=422)
    try:
        await db.run(_take, token, int(score), form.get("comment", ""))
    except Conflict:
        return _page(found, closed=True, problem="answered" if found["answered"] else "late", status=409)
    return _page(found, thanks=True)


async def _form(request: web.Request) -> dict[str, str]:
    body = await http.read_bytes(request, LIMIT)
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=10))
    except ValueError:
        raise Malformed("The form is not well formed.") from None


def _find(token: str) -> dict[str, Any]:
    with db.read() as session:
        survey = surveys.find(session, token)
        ticket = session.get_one(Ticket, survey.ticket_id)
        return {
            "number": ticket.number,
            "language": "en" if language_of(session, ticket).startswith("en") else "zh",
            "answered": survey.answered is not None,
            "late": clock.now() > survey.until,
        }


def _take(token: str, score: int, comment: str) -> None:
    with db.write() as session:
        surveys.answer(session, token, score, comment)


def _page(
    found: dict[str, Any], *, thanks: bool = False, closed: bool = False, problem: str = "", status: int = 200
) -> web.Response:
    say = SAYS[found["language"]]
    text = _template().render(
        say=say,
        language=found["language"],
        number=found["number"],
        company=settings.get(SettlementSettings).company,
        thanks=thanks,
        closed=closed or problem == "late",
        problem=say[problem] if problem else "",
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


@lru_cache(maxsize=1)
def _template() -> Any:
    page = (files("settlement") / "pages" / "survey.html").read_text("utf-8")
    return Environment(autoescape=True).from_string(page)
