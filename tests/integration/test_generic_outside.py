"""A channel file's media and replies against a provider that answers as told, and ``hotline channels``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr
from sqlalchemy import delete, select
from typer.testing import CliRunner

from connectors.generic import commands, connector
from connectors.generic.outlets import GenericOutlet, outlets
from connectors.generic.provider import ProviderUnreachable, check_host
from connectors.generic.settings import GenericSettings
from core import blobs, clock, db, settings
from core.errors import Forbidden, TooMany, Unavailable
from core.http import HttpSettings
from intake import Message, MessageRow, message_of
from tests.support import keep_promises
from tests.support.provider import Provider
from tests.support.web import serving
from ticketing import CannotDeliver, OutgoingNotice

pytestmark = pytest.mark.usefixtures("database", "blob_store")
DATA = Path(__file__).parents[1] / "data" / "generic"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
KIOSK = """
channel: kiosk
title: {{zh: 自助机, en: Kiosk}}
about: {{zh: 自助机, en: Kiosk}}
documentation: https://example.com
secrets: {{token: a word, key: another}}
checks: [{{kind: token, secret: token, given: header.x-token}}]
messages:
  - each: ""
    id: id
    sender: {{kind: kiosk, id: who}}
    text: text
    conversation: room
    media:
      - each: files[*]
        id: item
        type: "'image/png'"
        fetch:
          - {{url: "http://{host}/file/{{id}}", headers: {{Authorization: "Bearer {{secret.key}}"}}, take: url}}
          - {{url: "{{given}}"}}
        hosts: ["{host}"]
reply:
  url: "http://{host}/send"
  hosts: ["{host}"]
  headers: {{Authorization: "Bearer {{secret.key}}"}}
  json: {{to: "{{conversation}}", text: "{{text}}", raw: "{{text_as_json}}", once: "{{uuid}}", seat: "{{extra.seat}}"}}
  receipt: message.id
  error: code
  busy: [7]
  limit: 20
  window_hours: 24
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with Provider() as running:
        (tmp_path / "kiosk.yaml").write_text(KIOSK.format(host=running.host), "utf-8")
        secrets = {"kiosk": {"token": SecretStr("t"), "key": SecretStr("k")}}
        settings.use(GenericSettings(directory=tmp_path, secrets=secrets, media_limit=1000))
        yield running


async def take(*files: str, who: str = "u1", seat: int = 5) -> None:
    body = {"id": f"m{clock.now()}{who}", "who": who, "text": "灯坏了", "room": "r1", "seat": seat, "files": files}
    async with serving(connector.routes) as client:
        answer = await client.post("/hooks/kiosk", json=body, headers={"X-Token": "t"})
        assert answer.status == 200


def taken() -> tuple[MessageRow, Message]:
    with db.read() as session:
        row = session.scalars(select(MessageRow)).one()
        return row, message_of(row)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        ("", "192.0.2.7", 403),  # anybody can write this
        ("127.0.0.1", "192.0.2.7", 200),
        ("127.0.0.1", "192.0.2.7, 198.51.100.1", 403),
        ("127.0.0.1, 198.51.100.1", "192.0.2.7, 198.51.100.1", 200),
    ],
)
async def test_only_a_trusted_proxy_says_who_calls(
    provider: Provider, proxies: str, forwarded: str, status: int
) -> None:
    definition = yaml.safe_load(KIOSK.format(host=provider.host))
    definition["checks"].append({"kind": "addresses", "networks": ["192.0.2.0/24"]})
    directory = settings.get(GenericSettings).directory
    assert directory is not None
    (directory / "kiosk.yaml").write_text(yaml.safe_dump(definition), "utf-8")
    settings.use(HttpSettings(trusted_proxies=proxies))
    headers = {"X-Token": "t", "X-Forwarded-For": forwarded}
    body = {"id": "m1", "who": "u1", "text": "灯坏了", "room": "r1", "seat": 5, "files": []}
    async with serving(connector.routes) as client:
        assert (await client.post("/hooks/kiosk", json=body, headers=headers)).status == status


async def test_a_file_is_fetched_step_by_step(provider: Provider) -> None:
    provider.answers["/file/f1"] = (200, "application/json", json.dumps({"url": f"http://{provider.host}/b"}).encode())
    provider.answers["/b"] = (200, "image/png", PNG)
    await take("f1")
    assert keep_promises("generic.media") == 1
    _, message = taken()
    assert blobs.store().get(message.attachments[0].blob) == PNG
    assert provider.asked[0].headers["Authorization"] == "Bearer k"
    assert "Authorization" not in provider.asked[1].headers


async def test_a_voice_message_waits_for_recognition(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = yaml.safe_load(KIOSK.format(host=provider.host))
    definition["messages"][0]["media"][0]["type"] = "'audio/ogg'"
    definition["messages"][0]["text"] = "nothing"
    directory = settings.get(GenericSettings).directory
    assert directory is not None
    (directory / "kiosk.yaml").write_text(yaml.safe_dump(definition), "utf-8")
    provider.answers["/file/f1"] = (200, "application/json", json.dumps({"url": f"http://{provider.host}/b"}).encode())
    provider.answers["/b"] = (200, "audio/ogg", b"OggS" + b"\0" * 40)
    await take("f1")
    assert taken()[1].waits == "recognition"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert keep_promises("generic.media", "media.hear") == 2
    row, message = taken()
    assert "ffmpeg" in row.problem
    assert (message.waits, row.state) == ("", "accepted")
    assert message.attachments[0].blob


async def test_a_provider_cannot_send_us_elsewhere(provider: Provider) -> None:
    with Provider(answers={"/secret": (200, "text/plain", b"inside")}) as inside:
        there = f"http://{inside.host}/secret".encode()
        provider.answers["/file/f1"] = (200, "application/json", json.dumps({"url": there.decode()}).encode())
        provider.answers["/file/f2"] = (302, "text/plain", there)
        await take("f1", "f2")
        keep_promises("generic.media")
        assert inside.asked == []
    row, message = taken()
    assert [a.blob for a in message.attachments] == ["", ""]
    assert "附件未能取回" in row.problem


async def test_an_id_stays_in_its_place_in_the_address(provider: Provider) -> None:
    await take("../../admin?x=1#")
    keep_promises("generic.media")
    assert provider.asked == []
    with db.write() as session:
        session.execute(delete(MessageRow))
    await take("photos/a.png?x=1#", who="u2")
    keep_promises("generic.media")
    assert [asked.path for asked in provider.asked] == ["/file/photos/a.png%3Fx%3D1%23"]


async def test_too_large_a_file_is_left(provider: Provider) -> None:
    provider.answers["/file/f1"] = (200, "application/json", b"{" + b" " * 5000 + b"}")
    await take("f1")
    keep_promises("generic.media")
    assert "TooLarge" in taken()[0].problem


def notice(text: str = "师傅十点到", **identities: list[str]) -> OutgoingNotice:
    return OutgoingNotice(
        id=1,
        key="hotline-9",
        purpose="reply",
        subject="进度",
        text=text,
        language="zh",
        ticket_number="HT261120-0001",
        identities=identities or {"kiosk": ["u1"]},
    )


def outlet() -> GenericOutlet:
    (found,) = [one for one in outlets() if one.name == "kiosk"]
    assert isinstance(found, GenericOutlet)
    return found


async def test_a_reply_goes_where_the_message_came_from(provider: Provider) -> None:
    assert not outlet().reaches(notice())
    await take()
    assert outlet().reaches(notice())
    provider.answers["/send"] = (200, "application/json", b'{"code": 0, "message": {"id": "x9"}}')
    assert outlet().send(notice()).receipt == "x9"
    assert outlet().send(notice("长" * 30)).receipt == "x9"
    first, second = (json.loads(asked.body) for asked in provider.asked)
    assert (first["to"], first["text"], first["seat"]) == ("r1", "师傅十点到", 5)
    assert json.loads(first["raw"]) == {"text": "师傅十点到"}
    assert first["once"] == second["once"]  # the provider may know it for the same one
    assert second["text"] == "长" * 19 + "…"


async def test_a_reply_has_its_window(provider: Provider, turnable: clock.TurnableClock) -> None:
    await take()
    turnable.turn(by=timedelta(hours=24))
    assert not outlet().reaches(notice())
    with pytest.raises(CannotDeliver):
        outlet().send(notice())


async def test_refusals_say_whether_trying_again_helps(provider: Provider) -> None:
    await take()
    for answer, error in (
        ((200, "application/json", b'{"code": 7}'), TooMany),
        ((429, "text/plain", b""), TooMany),
        ((500, "text/plain", b""), ProviderUnreachable),
        ((200, "application/json", b'{"code": 3}'), CannotDeliver),
        ((401, "text/plain", b""), CannotDeliver),
        ((302, "text/plain", b"http://127.0.0.1:1/"), CannotDeliver),
    ):
        provider.answers["/send"] = answer
        with pytest.raises(error):
            outlet().send(notice())


TOKEN = """
token:
  name: key
  needs: [app_secret]
  url: "http://{host}/token"
  hosts: ["{host}"]
  json: {{secret: "{{secret.app_secret}}"}}
  take: access.token
  lives: access.seconds
  error: code
"""


@pytest.fixture
def with_tokens(tmp_path: Path, provider: Provider) -> Provider:
    """The kiosk with a key that lives shortly."""
    own = KIOSK.replace("key: another}}", "app_secret: another}}\noptional: [app_secret]") + TOKEN
    own = own.replace(", take: url}}", ", take: url, error: code}}").replace(
        "        hosts: [", "        stale: [41]\n        hosts: ["
    )
    own = own.replace("  busy: [7]", "  busy: [7]\n  stale: [41]")
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "kiosk.yaml").write_text(own.format(host=provider.host), "utf-8")
    secrets = {"kiosk": {"token": SecretStr("t"), "app_secret": SecretStr("s3")}}
    settings.use(GenericSettings(directory=folder, secrets=secrets, media_limit=1000))
    provider.answers["/send"] = (200, "application/json", b'{"code": 0, "message": {"id": "x9"}}')
    provider.answers["/token"] = _token("one")
    return provider


def _token(value: str) -> tuple[int, str, bytes]:
    return 200, "application/json", json.dumps({"code": 0, "access": {"token": value, "seconds": 7200}}).encode()


def keys(provider: Provider, path: str) -> list[str]:
    return [asked.headers.get("Authorization", "") for asked in provider.asked if asked.path == path]


async def test_a_token_that_lives_shortly_is_fetched_once_and_used_for_all(with_tokens: Provider) -> None:
    await take("f1")
    with_tokens.answers["/file/f1"] = (200, "image/png", PNG)
    outlet().send(notice())
    outlet().send(notice())
    keep_promises("generic.media")
    assert keys(with_tokens, "/send") == ["Bearer one"] * 2
    assert keys(with_tokens, "/file/f1")[:1] == ["Bearer one"]
    assert [json.loads(asked.body) for asked in with_tokens.asked if asked.path == "/token"] == [{"secret": "s3"}]


async def test_a_token_that_was_ended_is_renewed_at_once(with_tokens: Provider) -> None:
    await take()
    outlet().send(notice())
    with_tokens.answers["/token"] = _token("two")
    with_tokens.once["/send"] = [(401, "application/json", b'{"code": 41}')]
    assert outlet().send(notice()).receipt == "x9"
    assert keys(with_tokens, "/send") == ["Bearer one", "Bearer one", "Bearer two"]


async def test_a_file_is_fetched_with_a_new_token_when_the_old_one_ended(with_tokens: Provider) -> None:
    await take("f1")
    with_tokens.once["/file/f1"] = [(200, "application/json", b'{"code": 41}')]
    with_tokens.answers["/file/f1"] = (
        200,
        "application/json",
        json.dumps({"url": f"http://{with_tokens.host}/x"}).encode(),
    )
    with_tokens.answers["/x"] = (200, "image/png", PNG)
    with_tokens.once["/token"] = [_token("one"), _token("two")]
    keep_promises("generic.media")
    assert keys(with_tokens, "/file/f1") == ["Bearer one", "Bearer two"]
    assert blobs.store().get(message_of(taken()[0]).attachments[0].blob) == PNG


async def test_a_refusal_is_not_kept_as_the_customer_s_picture(with_tokens: Provider) -> None:
    await take("f1")
    with_tokens.answers["/file/f1"] = (200, "application/json", b'{"code": 99, "url": "http://127.0.0.1:1/x"}')
    keep_promises("generic.media")
    assert message_of(taken()[0]).attachments[0].blob == ""
    assert len(keys(with_tokens, "/file/f1")) == 1


async def test_a_token_that_stays_refused_is_tried_again_later(with_tokens: Provider) -> None:
    await take()
    with_tokens.answers["/send"] = (401, "application/json", b'{"code": 41}')
    with pytest.raises(ProviderUnreachable):
        outlet().send(notice())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example\\@files.slack.com/x",
        "https://evil.example\\.files.slack.com/x",
        "https://user@files.slack.com/x",
        "https://files.slack.com@evil.example/x",
        "https://files.slack.com\t.evil.example/x",
        "https://files.slack.com:444/x",
        "http://files.slack.com/x",
        "https://files.slack.com.evil.example/x",
        "https://evilfiles.slack.com.example/",
        "//files.slack.com/x",
        "https://[::1/x",
        "",
    ],
)
def test_only_the_named_hosts_are_called(url: str) -> None:
    with pytest.raises(Forbidden):
        check_host(url, ["files.slack.com"])


def test_named_hosts_and_what_is_below_them_are_called() -> None:
    for url in ("https://files.slack.com/x", "https://FILES.slack.com:443/x?a=b", "https://a.files.slack.com/x"):
        check_host(url, ["files.slack.com"])


async def test_a_provider_that_gives_no_token_is_tried_again_later(with_tokens: Provider) -> None:
    await take()
    for answer in (
        (200, "application/json", b'{"code": 10003}'),
        (502, "text/html", b"<html>"),
        (401, "application/json", b"{}"),
    ):
        with_tokens.answers["/token"] = answer
        with pytest.raises((Unavailable, ProviderUnreachable)) as refused:
            outlet().send(notice())
        assert refused.value.retryable
        assert "s3" not in str(refused.value)
    assert keys(with_tokens, "/send") == []


async def test_without_its_lasting_secret_a_channel_takes_but_does_not_answer(
    with_tokens: Provider, tmp_path: Path
) -> None:
    settings.use(GenericSettings(directory=tmp_path / "tokens", secrets={"kiosk": {"token": SecretStr("t")}}))
    await take()
    assert not outlet().reaches(notice())


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(commands.commands, list(arguments))
    return done.exit_code, done.output


def test_try_shows_what_would_result(tmp_path: Path) -> None:
    fixture = yaml.safe_load((DATA / "line.yaml").read_text("utf-8"))
    body = tmp_path / "body.json"
    body.write_text(fixture["body"], "utf-8")
    code, output = run("try", "line", str(body))
    shown = json.loads(output)
    assert code == 0
    assert [message["text"] for message in shown] == ["冷蔵庫が冷えません", "my location"]
    assert shown[0]["channel_id"] == "14353798921116"
    own = tmp_path / "kiosk.yaml"
    own.write_text(KIOSK.format(host="example.com"), "utf-8")
    body.write_text('{"id": "1", "text": "坏了", "who": "a"}', "utf-8")
    assert json.loads(run("try", str(own), str(body))[1])[0]["sender"]["value"] == "a"


def test_try_says_what_is_wrong(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text("{", "utf-8")
    for arguments in (("try", "line", str(body)), ("try", "nothing.yaml", str(body)), ("try", "line", "missing.json")):
        code, output = run(*arguments)
        assert code == 1
        assert "Traceback" not in output


def test_mappings_lists_what_is_open() -> None:
    settings.use(GenericSettings(secrets={"slack": {"signing_secret": SecretStr("x")}}))
    code, output = run("mappings")
    lines = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    assert code == 0
    assert (lines["slack"], lines["telegram"]) == ("open", "-")
