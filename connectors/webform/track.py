"""Following a ticket: by number and the end of the telephone number, then by a signed link."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from connectors.webform import sent, story, tokens
from connectors.webform.limits import allow, count, seen
from connectors.webform.pages import language, page
from connectors.webform.report import check_origin, friendly
from connectors.webform.settings import WebFormSettings
from connectors.webform.words import word
from core import clock, db, metrics, settings
from core.errors import Forbidden, InvalidInput, TooMany
from core.http import HttpSettings, client_address
from intake import Message, Sender, accept

WINDOW = 900  # s


def routes(app: web.Application) -> None:
    app.router.add_get("/track", friendly(ask))
    app.router.add_post("/track", friendly(look))
    app.router.add_get("/track/{number}/{key}", friendly(show))
    app.router.add_post("/track/{number}/{key}", friendly(act))


async def ask(request: web.Request) -> web.StreamResponse:
    """Asks for number and code."""
    return page(request, "track.html", number=request.query.get("number", "")[:30], problem="")


async def look(request: web.Request) -> web.StreamResponse:
    """Leads to the story if the code fits. A wrong number and a wrong code are answered alike, and few are allowed."""
    check_origin(request)
    content = await sent.read(request)
    number, code = content.get("number", 30).upper(), content.get("code", 20)
    config = settings.get(WebFormSettings)
    who = client_address(request)
    for what, whose in (("track", who), ("track-number", number)):
        _check_wrong(what, whose, config.wrong_codes)
    found = await db.run(story.find, number)
    if found is None or code[-4:] not in found.codes or len(code) < 4:
        for what, whose in (("track", who), ("track-number", number)):
            count(what, whose, WINDOW)
        metrics.refused.labels("webform", "code").inc()
        return page(request, "track.html", status=403, number=number, problem=word(language(request), "not_found"))
    key = tokens.follow_key(number, config.follow_days)
    raise web.HTTPSeeOther(f"/track/{quote(number)}/{key}?lang={language(request)}")


async def show(request: web.Request, done: str = "") -> web.StreamResponse:
    """The ticket's story as its customer may see it."""
    number = request.match_info["number"]
    tokens.check_follow(number, request.match_info["key"])
    told = await db.run(story.tell, number, language(request))
    return page(
        request,
        "story.html",
        told=told,
        number=number,
        done=done or request.query.get("done", ""),
        token=tokens.issue(f"track.{number}"),
        most_files=settings.get(WebFormSettings).files,
        megabytes=settings.get(HttpSettings).upload_limit // (1024 * 1024),
    )


async def act(request: web.Request) -> web.StreamResponse:
    """Adds to the ticket, rates it or reopens it. The link itself is the right to do so; no cookie is involved."""
    number, key = request.match_info["number"], request.match_info["key"]
    tokens.check_follow(number, key)
    check_origin(request)
    config = settings.get(WebFormSettings)
    content = await sent.read(request)
    opened = tokens.read(content.inputs.get("token", ""), f"track.{number}", config.token_hours)
    allow("follow", client_address(request), config.per_hour, 3600)
    action = content.get("action", 20)
    if action == "add":
        await _add(number, content, opened.nonce)
        done = "added"
    elif action == "reopen":
        if not content.get("text", 4000):
            raise InvalidInput(word(language(request), "reopen_text"))
        # The message first: whatever the ticket's state allows, the customer's words are kept.
        await _add(number, content, opened.nonce)
        await db.run(story.reopen, number, content.get("text", 500))
        done = "reopened"
    elif action == "rate":
        score = content.get("score", 2)
        if score not in ("1", "2", "3", "4", "5"):
            raise InvalidInput(word(language(request), "score"))
        await db.run(story.rate, number, int(score), content.get("text", 1000))
        done = "rated"
    else:
        raise InvalidInput("There is no such action.")
    raise web.HTTPSeeOther(f"/track/{quote(number)}/{key}?lang={language(request)}&done={done}")


async def _add(number: str, content: sent.Sent, nonce: str) -> None:
    text = content.get("text", 4000)
    if content.refused:
        raise InvalidInput(word("zh", "bad_file"))
    if not text and not content.files:
        raise InvalidInput("There is nothing to add.")
    found = await db.run(story.find, number)
    if found is None:
        raise Forbidden("This link is not valid.")
    kind, value = found.sender
    await accept(
        Message(
            channel="webform",
            channel_id=f"track:{nonce}",
            sender=Sender(kind=kind, value=value, verified=False),
            text=text,
            sent_at=clock.now(),
            style="form",
            conversation=found.conversation,
            ticket_number=found.ticket_number,
            thread=(found.conversation,) if found.conversation else (),
            attachments=await sent.keep(content.files),
        )
    )
    await db.run(story.answered, number)


def _check_wrong(what: str, whose: str, most: int) -> None:
    """Counts nothing; refuses who has been wrong too often."""
    if seen(what, whose, WINDOW) >= most:
        metrics.refused.labels("webform", what).inc()
        raise TooMany("Too many wrong codes; please try again later or call us.")
