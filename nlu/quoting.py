"""Which part of a mail is quoted older mail: no field of it counts, though it stays in the text."""

from __future__ import annotations

import re

_BEGIN = re.compile(
    r"^[ \t]*(?:[-—_=*]{3,}[ \t]*(?:原始邮件|转发的?邮件|回复的?邮件|原邮件|Original Message|Forwarded message|邮件原文|Begin forwarded)|>?[ \t]*-{3,}[ \t]*原邮件"
    r"|(?:在|于|On)[ \t]?.{4,80}(?:写道|wrote|來信|来信)[:：]?[ \t]*$"
    r"|.{0,40}\d{1,2}[:：]\d{2}.{0,30}(?:写道|wrote)[:：]"
    r"|(?:发件人|From|寄件者|寄件人)[:：][^\n]*\n[ \t]*(?:发送时间|发件时间|日期|时间|收件人|Sent|Date|To|主题|Subject)[:：])",
    re.IGNORECASE | re.MULTILINE,
)
_LINE = re.compile(r"^[ \t]*(?:>|》|\|(?=[ \t]))[^\n]*$", re.MULTILINE)


def quoted(text: str) -> list[tuple[int, int]]:
    """Stretches of quoted mail, in order. A text that begins with the mark quotes nothing: then it is all there is."""
    stretches: list[tuple[int, int]] = []
    for match in _BEGIN.finditer(text[:200_000]):
        if len(text[: match.start()].strip()) >= 4:
            stretches.append((match.start(), len(text)))
            break
    limit = stretches[0][0] if stretches else len(text)
    lines = [m.span() for m in _LINE.finditer(text[:200_000]) if m.start() < limit]
    if len(lines) * 2 < text.count("\n") + 2 or stretches:
        stretches.extend(lines)
    return sorted(stretches)


def unquoted(text: str) -> str:
    """The same length, quoted stretches blanked by spaces."""
    for start, end in quoted(text):
        text = text[:start] + " " * (end - start) + text[end:]
    return text


_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>")
_LONE = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """The same length: quoted mail and HTML tags blanked, lone surrogates (which nothing can encode) replaced."""
    text = _LONE.sub("\ufffd", text)
    return unquoted(_TAG.sub(lambda match: " " * len(match.group()), text))
