"""Reporting a fault: the list of services, the form of one, what was sent, and the receipt."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

import phonenumbers
from aiohttp import web
from sqlalchemy import select

from connectors.webform import pages, sent, tokens
from connectors.webform.limits import allow
from connectors.webform.pages import language, page
from connectors.webform.settings import WebFormSettings
from connectors.webform.words import word
from core import clock, db, settings
from core.errors import Forbidden, HotlineError, InvalidInput, NotFound
from core.http import HttpSettings, client_address
from intake import Attachment, Message, MessageRow, Place, Sender, accept
from ticketing import Asset, Ticket, forms
from ticketing.forms import Form, FormField

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
ASSET_FIELDS = ("device", "brand", "model", "serial")


def friendly(handler: Handler) -> Handler:
    """Tells a person on a page what an API would tell in JSON."""

    @functools.wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except HotlineError as error:
            return page(request, "problem.html", status=error.status, message=error.message)

    return handle


def routes(app: web.Application) -> None:
    app.router.add_get("/form", friendly(services))
    app.router.add_get("/form/{service}", friendly(show))
    app.router.add_post("/form/{service}", friendly(receive))
    app.router.add_get("/asset/{code}", friendly(of_asset))
    app.router.add_get("/receipt/{message}/{key}", friendly(receipt))


async def services(request: web.Request) -> web.StreamResponse:
    """The services that customers may ask for."""
    return page(request, "services.html", forms=[f for f in map(forms.form, forms.services()) if f.public])


async def show(request: web.Request) -> web.StreamResponse:
    """The empty form; ``?asset=CODE`` names the device."""
    return await _form(request, _public(request.match_info["service"]), _code(request.query.get("asset", "")))


async def of_asset(request: web.Request) -> web.StreamResponse:
    """What the code on a machine opens."""
    code = _code(request.match_info["code"])
    if not code:
        raise NotFound("There is no such code.")
    return await _form(request, _public("repair"), code)


async def receive(request: web.Request) -> web.StreamResponse:
    """Takes the report in; it is on disk before the receipt is shown."""
    config = settings.get(WebFormSettings)
    form = _public(request.match_info["service"])
    check_origin(request)
    address = client_address(request)
    try:
        content = await sent.read(request)
    except InvalidInput:
        return await _form(request, form, "", [word(language(request), "many_files")])
    token = content.inputs.get("token", "")
    opened = tokens.read(token, form.service, config.token_hours)
    if content.get("website"):
        raise InvalidInput("The hidden field must stay empty.")
    code = _code(content.get("asset_code"))
    asset = await db.run(_asset, code)
    problems = _problems(form, content, language(request), known=asset is not None)
    if problems:
        return await _form(request, form, code, problems, content)
    allow("report", address, config.per_hour, 3600)
    if not tokens.proves(token, content.inputs.get("work", ""), config.work_bits):
        allow("unproved", address, config.unproved_per_hour, 3600)
    attachments = await sent.keep(content.files)
    acceptance = await accept(_message(form, content, code, f"form:{opened.nonce}", attachments, language(request)))
    key = tokens.follow_key(acceptance.message_id, config.follow_days)
    embed = "&embed=1" if "embed" in request.query else ""
    raise web.HTTPSeeOther(f"/receipt/{acceptance.message_id}/{key}?lang={language(request)}{embed}")


async def receipt(request: web.Request) -> web.StreamResponse:
    """The receipt, and the ticket's number as soon as there is one."""
    message_id = request.match_info["message"]
    tokens.check_follow(message_id, request.match_info["key"])
    ticket = await db.run(_ticket_number, message_id)
    number = receipt_number(message_id)
    follow = f"/track/{quote(number)}/{tokens.follow_key(number, settings.get(WebFormSettings).follow_days)}"
    return page(request, "received.html", receipt=number, number=ticket, follow=f"{follow}?lang={language(request)}")


def receipt_number(message_id: str) -> str:
    """What a customer can write down before there is a ticket: R and the first ten digits of the message's id."""
    return f"R{message_id[:10].upper()}"


def check_origin(request: web.Request) -> None:
    """Refuses a form that another site's page sends. The embedded form is our own page in a frame."""
    origin = request.headers.get("Origin", "")
    if not origin or origin == "null":
        return
    public = urlsplit(settings.get(settings.CoreSettings).public_url)
    if urlsplit(origin).netloc not in (request.host, public.netloc):
        raise Forbidden("This form can be sent from its own page only.")


def e164(phone: str) -> str:
    """The number in E.164, "" if it is none."""
    try:
        number = phonenumbers.parse(phone, "CN")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def coordinates(content: sent.Sent) -> Place | None:
    """What the browser's geolocation gave (WGS-84, as W3C Geolocation says), or where the customer put the map's marker."""
    try:
        north, east = float(content.get("latitude", 20)), float(content.get("longitude", 20))
    except ValueError:
        return None
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        return None
    datum = "GCJ-02" if content.get("datum", 20) == "GCJ-02" else "WGS-84"
    return Place(latitude=north, longitude=east, label=content.get("address"), datum=datum)


async def _form(
    request: web.Request, form: Form, code: str, problems: list[str] | None = None, content: sent.Sent | None = None
) -> web.Response:
    config = settings.get(WebFormSettings)
    asset = await db.run(_asset, code) if code else None
    fields = [f for f in form.fields if asset is None or f.name not in ASSET_FIELDS]
    return page(
        request,
        "form.html",
        status=422 if problems else 200,
        form=form,
        fields=fields,
        with_note=all(f.type != "multiline" for f in form.fields),
        values={f.name: content.get(f.name, 4000) for f in form.fields} | {"note": content.get("note", 4000)}
        if content
        else {},
        problems=problems or [],
        place=coordinates(content) if content else None,
        map=map_shown() if pages.with_map() else None,
        asset_code=code,
        asset=asset or "",
        token=tokens.issue(form.service),
        bits=config.work_bits,
        most_files=config.files,
        megabytes=settings.get(HttpSettings).upload_limit // (1024 * 1024),
    )


def map_shown() -> dict[str, str]:
    """What the map's script is told."""
    config = settings.get(WebFormSettings)
    return {
        "tiles": config.map_tiles,
        "attribution": config.map_attribution,
        "datum": config.map_datum,
        "start": config.map_start,
    }


def _problems(form: Form, content: sent.Sent, lang: str, *, known: bool) -> list[str]:
    found: list[str] = []
    for field in form.fields:
        value = content.get(field.name, 4001)
        label = field.label[lang]
        if not value:
            if field.required and not (known and field.name in ASSET_FIELDS) and not _located(field, content):
                found.append(f"{word(lang, 'lacking')}: {label}")
            continue
        if len(value) > (4000 if field.type == "multiline" else 300):
            found.append(f"{word(lang, 'too_long')}: {label}")
        if field.type == "phone" and not e164(value):
            found.append(f"{word(lang, 'bad_phone')}: {label}")
        allowed = {o.get("value") or o.get(lang) or o.get("zh") for o in field.options}
        if field.type == "choice" and value not in allowed:
            found.append(f"{word(lang, 'wrong')}: {label}")
    found.extend(f"{word(lang, 'bad_file')}: {name}" for name in content.refused)
    return found


def _located(field: FormField, content: sent.Sent) -> bool:
    """Coordinates stand for a written address."""
    return field.type == "address" and coordinates(content) is not None


def _message(
    form: Form, content: sent.Sent, code: str, channel_id: str, attachments: tuple[Attachment, ...], lang: str
) -> Message:
    values = {f.name: content.get(f.name, 4000) for f in form.fields if content.get(f.name, 4000)}
    story = [values[f.name] for f in form.fields if f.type == "multiline" and f.name in values]
    note = content.get("note", 4000)
    text = "\n".join([*story, note] if note else story)
    if not text:
        text = "\n".join(f"{f.label['zh']}：{values[f.name]}" for f in form.fields if f.name in values)
    phone = next((e164(values[f.name]) for f in form.fields if f.type == "phone" and f.name in values), "")
    sender = Sender(
        kind="phone" if phone else "webform",
        value=phone or channel_id,
        name=values.get("contact_name", "")[:80],
        verified=False,  # anybody can write any number into a form
    )
    return Message(
        channel="webform",
        channel_id=channel_id,
        sender=sender,
        text=text,
        sent_at=clock.now(),
        style="form",
        conversation=channel_id,
        service=form.service,
        asset_code=code,
        fields=values,
        attachments=attachments,
        place=coordinates(content),
        extra={"language": lang},
    )


def _public(service: str) -> Form:
    form = forms.form(service)
    if not form.public:
        raise NotFound("There is no such form.")
    return form


def _code(code: str) -> str:
    return code if _CODE.fullmatch(code) else ""


def _asset(code: str) -> str | None:
    """What the page may say of a machine to whoever stands before it: nothing about its owner."""
    if not code:
        return None
    with db.read() as session:
        asset = session.scalar(select(Asset).where(Asset.code == code))
        return " ".join(filter(None, (asset.brand, asset.device, asset.model))) if asset else None


def _ticket_number(message_id: str) -> str:
    with db.read() as session:
        found = session.scalar(
            select(Ticket.number).join(MessageRow, MessageRow.ticket_id == Ticket.id).where(MessageRow.id == message_id)
        )
        return found or ""
