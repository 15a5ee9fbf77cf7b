"""The expressions of channel files, and what a definition may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.generic import expression, mapping
from connectors.generic.definition import Definition, definitions, read, shipped
from connectors.generic.media import check_host
from connectors.generic.settings import GenericSettings
from core import settings
from core.errors import ConfigurationError, Forbidden

ITEM: dict[str, Any] = {
    "a": {"b": [{"c": 1}, {"c": 2}], "odd key": "x", "empty": ""},
    "json": '{"text": "你好"}',
    "zero": 0,
    "no": False,
    "name": "n",
}
SCOPE = {
    "item": ITEM,
    "body": {"x": 1},
    "header": {"x-a.b": "h"},
    "query": {"hub.mode": "s"},
    "up": {"u": 5},
    "ups": ({"v": 6},),
    "secret": {"k": "s3"},
}


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a.b[0].c", "1"),
        ("a.b[1].c", "2"),
        ("a.b[9].c", ""),
        ("a.b[*].c", "1、2"),
        ('a["odd key"]', "x"),
        ("a.empty // name", "n"),
        ("nothing // 'a // b'", "a // b"),
        ("json | json | .text", "你好"),
        ("name | json | .text", ""),
        ("zero", "0"),
        ("no", "false"),
        ("body.x", "1"),
        ("header.x-a.b", "h"),
        ('query["hub.mode"]', "s"),
        ("up.u", "5"),
        ("up.up.v", "6"),
        ("item.name", "n"),
        ("", ""),
        ("name.deeper.still", ""),
        ("{name}-{nothing}", "n-"),
        ("{name}\n标题：{nothing}\nend", "n\nend"),
        ("{a.empty // name}", "n"),
    ],
)
def test_expressions(written: str, found: str) -> None:
    assert expression.text(written, SCOPE) == found


def test_fill_changes_nothing_but_places() -> None:
    assert expression.fill("v0:{secret.k}:\n{nothing}\n", SCOPE) == "v0:s3:\n\n"
    assert expression.fill("application/vnd.github+json", SCOPE) == "application/vnd.github+json"


def test_filters() -> None:
    scope = {"item": {"h": "<p>甲 &amp; 乙<br/>丙</p>", "m": "<@U1> 你好", "p": "+86 139-0000 1111", "b": "MTIz"}}
    assert expression.text("h | html", scope) == "甲 & 乙\n丙"
    assert expression.text("m | without_mention", scope) == "你好"
    assert expression.text("p | digits", scope) == "8613900001111"
    assert expression.text("b | base64", scope) == "123"
    with pytest.raises(ConfigurationError, match="no filter"):
        expression.text("h | shout", scope)
    with pytest.raises(ConfigurationError, match="no path"):
        expression.text("a..b[", scope)


def test_lists_within_lists_know_what_holds_them() -> None:
    body = {"entry": [{"id": 1, "m": [{"t": "a"}, {"t": "b"}]}, {"id": 2, "m": {"t": "c"}}, {"id": 3}]}
    found = [(item["t"], holders[-1]["id"]) for item, holders in expression.items("entry[*].m[*]", {"body": body}, 10)]
    assert found == [("a", 1), ("b", 1), ("c", 2)]


MINIMAL = """
channel: kiosk
title: {zh: 自助机, en: Kiosk}
about: {zh: 自助机, en: Kiosk}
documentation: https://example.com
secrets: {token: word}
checks: [{kind: token, secret: token, given: header.x-token}]
messages: [{each: "", id: id, sender: {kind: account, id: who}, text: text}]
"""


def test_a_definition_says_what_is_wrong_with_it() -> None:
    assert isinstance(read(MINIMAL, "kiosk.yaml"), Definition)
    with pytest.raises(ConfigurationError, match=r"kiosk\.yaml: messages\.0\.txet: Extra"):
        read(MINIMAL.replace("text: text", "txet: text"), "kiosk.yaml")
    with pytest.raises(ConfigurationError, match="is no YAML"):
        read("a: [", "kiosk.yaml")
    with pytest.raises(ConfigurationError, match="checks"):
        read(MINIMAL.replace("kind: token", "kind: trust"), "kiosk.yaml")
    with pytest.raises(ConfigurationError):
        read("[]", "kiosk.yaml")


def test_a_companys_own_files_are_added_and_replace_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "kiosk.yaml").write_text(MINIMAL, "utf-8")
    (tmp_path / "slack.yaml").write_text(MINIMAL.replace("kiosk", "slack"), "utf-8")
    settings.use(GenericSettings(directory=tmp_path))
    found = definitions()
    assert len(found) == len(shipped()) + 1
    assert found["slack"].title["zh"] == "自助机"
    settings.use(GenericSettings(directory=tmp_path / "missing"))
    with pytest.raises(ConfigurationError, match="no directory"):
        definitions()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_expression_of_a_shipped_channel_can_be_read(name: str) -> None:
    """Each alternative is tried, also where the fixture never reaches it."""
    definition = shipped()[name]

    def texts(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [t for key, inner in part.items() if key not in ("equals", "among") for t in texts(inner)]
        if isinstance(part, list):
            return [t for inner in part for t in texts(inner)]
        return [part] if isinstance(part, str) else []

    scope = {"item": {}, "body": {}, "secret": {}, "query": {}, "header": {}, "up": {}, "request": {}}
    for mapped in definition.messages:
        content = mapped.model_dump(exclude={"event", "service", "skip"})
        content["media"] = [{k: v for k, v in m.items() if k not in ("hosts", "fetch")} for m in content["media"]]
        for written in texts({k: v for k, v in content.items() if k not in ("time", "sender")}):
            for alternative in [written] if "{" in written else expression._split(written, "//"):
                expression.text(alternative, scope)
        if mapped.sender:
            expression.text(mapped.sender.id, scope)
        if mapped.time:
            expression.text(mapped.time.at, scope)


def test_files_are_fetched_from_named_hosts_only() -> None:
    hosts = ["graph.facebook.com", "127.0.0.1:8080"]
    check_host("https://graph.facebook.com/v21.0/1", hosts)
    check_host("https://a.graph.facebook.com/v21.0/1", hosts)
    check_host("http://127.0.0.1:8080/x", hosts)
    for url in (
        "http://graph.facebook.com/1",
        "https://graph.facebook.com.evil.example/1",
        "https://evilgraph.facebook.com.example/",
        "https://graph.facebook.com:8443/1",
        "https://graph.facebook.com@127.0.0.1/1",
        "http://127.0.0.1:80/",
        "file:///etc/passwd",
        "https://[",
        "",
    ):
        with pytest.raises(Forbidden):
            check_host(url, hosts)


@pytest.mark.parametrize(
    ("number", "region", "found"),
    [("13900001111", "CN", "+8613900001111"), ("16505551234", "", "+16505551234"), ("x", "CN", ""), ("", "", "")],
)
def test_numbers_become_e164(number: str, region: str, found: str) -> None:
    assert mapping.e164(number, region) == found
