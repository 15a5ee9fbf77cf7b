"""What a channel's YAML file may say. Every key is described here; an unknown one is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.generic.settings import GenericSettings
from core import settings
from core.errors import ConfigurationError, NotFound


class Part(BaseModel):
    """Base: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class When(Part):
    """A condition. ``path`` is an expression; with nothing else it must be there."""

    path: str
    equals: str | int | bool | None = None
    among: list[str | int] = []
    absent: bool = False


class Check(Part):
    """One proof that the request comes from the provider; all of a channel's checks must hold.

    ``hmac``/``hash``: ``message`` is a template of what is signed (``{raw}`` the body as it came, ``{header.NAME}``,
    ``{query.x}``, ``{request.url}``, ``{request.params}`` the form's (else the query's) names and values sorted and joined), ``given`` where the signature stands,
    ``form`` how it is written. ``sorted``: parts sorted and joined, as WeChat does. ``token``: ``given`` equals ``secret``.
    ``basic``: user and password. ``addresses``: the caller's network. ``ed25519``: ``secret`` is the public key in hex.
    ``fresh``: ``given`` is a signed time in ``unit``.
    """

    kind: Literal["hmac", "hash", "token", "basic", "addresses", "ed25519", "fresh"]
    secret: str = ""
    given: str = ""
    prefix: str = ""
    algorithm: Literal["sha256", "sha1", "md5"] = "sha256"
    encoding: Literal["hex", "HEX", "base64"] = "hex"
    key: Literal["text", "base64"] = "text"
    message: str = "{raw}"
    sorted: list[str] = []
    networks: list[str] = []
    unit: Literal["s", "ms"] = "s"


class Answer(Part):
    """What the provider is told. ``json``: an object whose texts are templates; else ``text``."""

    status: int = 200
    json_: Any = Field(None, alias="json")
    text: str = ""
    type: str = "text/plain"


class Challenge(Part):
    """A handshake that is answered without a message. ``checks``: the channel's own if left out."""

    method: Literal["GET", "POST"] = "POST"
    when: list[When] = []
    checks: list[Check] | None = None
    answer: Answer


class Moment(Part):
    """When it was sent. ``form``: unix, unix_ms, iso, or a strptime pattern; ``zone`` for times without one."""

    at: str
    form: str = "iso"
    zone: str = "Asia/Shanghai"


class From(Part):
    """Who sent it. ``kind`` phone makes E.164 of the number (``region``: for national ones)."""

    kind: str
    id: str
    name: str = ""
    region: str = "CN"
    others: dict[str, str] = {}
    verified: bool = True


class Spot(Part):
    """A place; see ``intake.Place``."""

    latitude: str
    longitude: str
    label: str = ""
    datum: Literal["GCJ-02", "WGS-84"] = "WGS-84"


class FetchStep(Part):
    """A request; ``take`` finds in its JSON answer what the next step's ``{given}`` is; the last one's answer is the file.
    ``error``: where a JSON answer has a number other than 0 when it is a refusal instead."""

    url: str
    headers: dict[str, str] = {}
    basic: str = ""
    take: str = ""
    error: str = ""


class Media(Part):
    """Files. ``each``: the elements inside the item; ``name``, ``type``, ``id`` inside an element. ``fetch``: how to get them;
    ``hosts``: where from, nowhere else. ``stale``: numbers at a step's ``error`` that say the token has ended."""

    each: str
    when: list[When] = []
    name: str = ""
    type: str = ""
    id: str
    fetch: list[FetchStep] = []
    hosts: list[str] = []
    stale: list[str | int] = []


class Mapped(Part):
    """How one element of the body becomes a message. ``when``: only elements for which this holds; the first fitting mapping
    is used. ``event``: it is no request, only recorded, under this name. ``skip``: nothing is kept (own echoes, receipts)."""

    each: str = ""
    when: list[When] = []
    skip: bool = False
    event: str = ""
    id: str = ""
    sender: From | None = None
    text: str = ""
    subject: str = ""
    time: Moment | None = None
    conversation: str = ""
    thread: list[str] = []
    fields: dict[str, str] = {}
    service: str = ""
    asset_code: str = ""
    place: Spot | None = None
    media: list[Media] = []


class Decrypt(Part):
    """The body's only content is encrypted: AES-256-CBC, key SHA-256 of the secret, the IV before the content (Feishu)."""

    path: str
    secret: str


class Token(Part):
    """A token that lives shortly: ``url`` is asked for it with the channel's lasting secrets. It is then ``{secret.NAME}`` for
    files and replies, kept for all processes and renewed in time. ``take``: where it stands in the JSON that comes back,
    ``lives``: its seconds; ``error``: where a number other than 0 says that it was refused."""

    name: str
    needs: list[str]
    url: str
    hosts: list[str]
    method: Literal["POST", "GET"] = "POST"
    json_: Any = Field(None, alias="json")
    take: str
    lives: str
    error: str = ""


class Reply(Part):
    """How a notice goes out. ``{to}`` the recipient, ``{conversation}`` and ``{extra.x}`` of the last message, ``{text}``.
    ``fine``, ``busy`` and ``stale``: what stands at ``error`` when all is well, when to come again, when the token has ended."""

    url: str
    hosts: list[str]
    headers: dict[str, str] = {}
    basic: str = ""
    json_: Any = Field(None, alias="json")
    form: dict[str, str] = {}
    receipt: str = ""
    error: str = ""
    fine: list[str | int] = [0]
    busy: list[str | int] = []
    stale: list[str | int] = []
    limit: int = 2000
    window_hours: float = 0


class Definition(Part):
    """A channel. ``secrets``: name to what it is and where to find it. ``settings`` are the same without being secret."""

    channel: str = Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")
    title: dict[Literal["zh", "en"], str]
    about: dict[Literal["zh", "en"], str]
    documentation: str
    setup: list[dict[Literal["zh", "en"], str]] = []
    secrets: dict[str, str] = {}
    optional: list[str] = []
    body: Literal["json", "form", "xml"] = "json"
    limit: int = 1024 * 1024
    style: Literal["wechat", "email", "form"] = "wechat"
    decrypt: Decrypt | None = None
    checks: list[Check] = []
    challenges: list[Challenge] = []
    messages: list[Mapped]
    keep: dict[str, str] = {}
    token: Token | None = None
    answer: Answer = Answer()
    reply: Reply | None = None


def read(content: str, name: str) -> Definition:
    """Raises ConfigurationError naming the file and each wrong key."""
    try:
        return Definition.model_validate(yaml.safe_load(content))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name} is no YAML: {str(error)[:300]}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise ConfigurationError(f"{name}: {wrong}") from None


@cache
def shipped() -> Mapping[str, Definition]:
    """The channels that come with the program."""
    found = {}
    folder = files("connectors.generic") / "channels"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            definition = read(file.read_text("utf-8"), file.name)
            found[definition.channel] = definition
    return found


@cache
def _own(directory: Path) -> Mapping[str, Definition]:
    if not directory.is_dir():
        raise ConfigurationError(f"HOTLINE_GENERIC_DIRECTORY: {directory} is no directory")
    found = [read(file.read_text("utf-8"), file.name) for file in sorted(directory.glob("*.yaml"))]
    return {definition.channel: definition for definition in found}


def definitions() -> dict[str, Definition]:
    """All channels by name, the company's own before the shipped ones."""
    directory = settings.get(GenericSettings).directory
    return {**shipped(), **(_own(directory) if directory else {})}


def secrets_of(definition: Definition) -> dict[str, str]:
    """The channel's secrets as they are set."""
    given = settings.get(GenericSettings).secrets.get(definition.channel, {})
    return {name: secret.get_secret_value() for name, secret in given.items()}


def is_open(definition: Definition) -> bool:
    """Whether every secret it needs is set; one without secrets must be enabled by name."""
    needed = set(definition.secrets) - set(definition.optional)
    given = {name for name, secret in secrets_of(definition).items() if secret}
    if needed:
        return needed <= given
    return definition.channel in settings.get(GenericSettings).enabled


def find(name: str) -> Definition:
    """An open channel; raises NotFound."""
    definition = definitions().get(name)
    if definition is None or not is_open(definition):
        raise NotFound("There is no such channel.")
    return definition
