"""The documentation page of a channel, made from its definition so that it can't say anything else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from connectors.generic.definition import Check, Definition, Mapped, When

_FIELDS = ("id", "text", "subject", "conversation", "service", "asset_code")


def page(definition: Definition) -> str:
    """Markdown, Chinese first."""
    name = definition.channel
    secrets = dict.fromkeys(definition.secrets, "...")
    lines = [
        f"# {definition.title['zh']} · {definition.title['en']}",
        "",
        f"{definition.about['zh']}  ",
        definition.about["en"],
        "",
        f"<!-- Made from connectors/generic/channels/{name}.yaml by `hotline channels pages`; do not edit. -->",
        "",
        "## 接入 · Setting up",
        "",
        f"1. 回调地址 · Address: `PUBLIC_URL/hooks/{name}`",
        *(f"{number}. {step['zh']}  \n   {step['en']}" for number, step in enumerate(definition.setup, 2)),
        "",
        "设置 · Setting:",
        "",
        "```sh",
        f"HOTLINE_GENERIC_SECRETS='{json.dumps({name: secrets})}'",
        "```",
        "",
        "| 名称 · Secret | 说明 · What it is |",
        "| --- | --- |",
        *(
            f"| `{key}`{' (optional)' if key in definition.optional else ''} | {what} |"
            for key, what in definition.secrets.items()
        ),
        "",
        "## 验证 · How a request is verified",
        "",
        *(f"- {_check(check)}" for check in definition.checks),
        *(f"- handshake: {challenge.method}, {_when(challenge.when)}" for challenge in definition.challenges),
        "",
        "## 映射 · What becomes a message",
        "",
    ]
    for number, mapped in enumerate(definition.messages, 1):
        lines += _mapped(number, mapped)
    lines += ["## 回复 · Replies", ""]
    reply = definition.reply
    if reply is None:
        lines.append("此渠道不能回复，通知改走其他渠道。 · None; notices take another way.")
    else:
        window = f", within {reply.window_hours:g} h of the customer's last message" if reply.window_hours else ""
        lines.append(f"`{reply.url.partition('?')[0]}`, at most {reply.limit} characters{window}.")
    lines += ["", f"来源 · Provider's documentation: <{definition.documentation}>", ""]
    return "\n".join(lines)


def _check(check: Check) -> str:
    match check.kind:
        case "hmac" | "hash":
            what = (
                f"{check.kind.upper() if check.kind == 'hmac' else 'hash'} {check.algorithm.upper()} ({check.encoding})"
            )
            signed = " + ".join(f"`{part}`" for part in check.sorted) or "`" + check.message.replace("\n", "\\n") + "`"
            return f"{what} in `{check.given}` over {signed}, secret `{check.secret}`"
        case "token":
            return f"`{check.given}` is the secret `{check.secret}`"
        case "basic":
            return f"HTTP basic authentication with the secret `{check.secret}`"
        case "addresses":
            return f"the caller's address is in {', '.join(check.networks) or f'the list `{check.secret}`'}"
        case "ed25519":
            return f"Ed25519 signature in `{check.given}` over `{check.message}`, public key `{check.secret}`"
        case "fresh":
            return f"the time in `{check.given}` is fresh"


def _when(conditions: Sequence[When]) -> str:
    shown = []
    for condition in conditions:
        path, equals, among, absent = condition.path, condition.equals, condition.among, condition.absent
        shown.append(
            f"`{path}` is absent"
            if absent
            else f"`{path}` is `{equals}`"
            if equals is not None
            else f"`{path}` is one of {', '.join(f'`{one}`' for one in among)}"
            if among
            else f"`{path}` is there"
        )
    return ", ".join(shown) or "always"


def _mapped(number: int, mapped: Mapped) -> list[str]:
    kind = "nothing (own echo or receipt)" if mapped.skip else f"event `{mapped.event}`" if mapped.event else "message"
    lines = [f"{number}. each `{mapped.each or 'body'}`; {_when(mapped.when)} → {kind}"]
    if mapped.skip:
        return [*lines, ""]
    rows = [(name, str(getattr(mapped, name))) for name in _FIELDS if getattr(mapped, name)]
    if mapped.sender:
        rows.append(("sender", f"{mapped.sender.kind}: {mapped.sender.id}"))
    if mapped.time:
        rows.append(("time", f"{mapped.time.at} ({mapped.time.form})"))
    if mapped.place:
        rows.append(("place", f"{mapped.place.latitude}, {mapped.place.longitude} ({mapped.place.datum})"))
    rows += [(f"field {name}", path) for name, path in mapped.fields.items()]
    rows += [("media", media.each) for media in mapped.media]
    shown = [(left, right.replace("\n", "\\n").replace("|", "\\|")) for left, right in rows]
    return [*lines, "", "   | | expression |", "   | --- | --- |", *(f"   | {a} | `{b}` |" for a, b in shown), ""]


def overview(definitions: dict[str, Definition]) -> str:
    """The index of all pages."""
    rows = [
        f"| [{d.title['zh']} · {d.title['en']}]({name}.md) | `/hooks/{name}` | {'yes' if d.reply else 'no'} |"
        for name, d in definitions.items()
    ]
    return "\n".join(
        [
            "# 其他渠道 · Other channels",
            "",
            "<!-- Made from connectors/generic/channels/*.yaml by `hotline channels pages`; do not edit. -->",
            "",
            "每个渠道是一个 YAML 文件，没有代码。 · Each channel is a YAML file, without code; see [writing one](../generic.md).",
            "",
            "| 渠道 · Channel | 地址 · Address | 回复 · Replies |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def write(definitions: dict[str, Definition], folder: Path) -> list[Path]:
    """Writes every page and the index; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {f"{name}.md": page(definition) for name, definition in definitions.items()}
    pages["README.md"] = overview(definitions)
    for name, content in pages.items():
        (folder / name).write_text(content, "utf-8")
    return [folder / name for name in pages]
