"""Yes or no, as callers say it."""

from __future__ import annotations

import re

from pypinyin import lazy_pinyin

from intake.dialog.script import Script

_FILL = re.compile(r"[啊呀呢吧哦噢喔哎诶嘛的了，。？！、\s]|就是|那个|这个")
SHORT = 4  # characters of an answer that is compared by sound


def yes_or_no(text: str, script: Script) -> bool | None:
    """True, False, or None for neither. No is looked for first: 不对 has 对 in it; 没错 is a yes with a no's first sign."""
    plain = text.replace(" ", "")
    for word in sorted(script.yes, key=len, reverse=True):
        if len(word) > 1 and plain.startswith(word):
            return not _denied(plain[len(word) :], script)
    if any(word in plain for word in script.no if len(word) > 1) or plain[:1] in script.no:
        return False
    short = _FILL.sub("", plain)
    if short in script.yes or (plain[:1] in script.yes and len(short) <= 3):
        return True
    return False if len(short) <= SHORT and _sounds_like_no(short, script) else None


def _sounds_like_no(short: str, script: Script) -> bool:
    """A recogniser writes 部队 for 不对. A yes must be heard as one."""
    heard = lazy_pinyin(short)
    words = [lazy_pinyin(word) for word in script.no if len(word) > 1]
    return any(heard[: len(word)] == word for word in words)


def _denied(rest: str, script: Script) -> bool:
    """是的不对: the later word counts."""
    return any(word in rest for word in script.no if len(word) > 1)
