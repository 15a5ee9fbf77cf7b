"""Yes or no, as callers say it."""

from __future__ import annotations

import re

from intake.dialog.script import Script

_FILL = re.compile(r"[啊呀呢吧哦噢喔哎诶嘛的了，。？！、\s]|就是|那个|这个")


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
    return None


def _denied(rest: str, script: Script) -> bool:
    """是的不对: the later word counts."""
    return any(word in rest for word in script.no if len(word) > 1)
