"""What the writer of a reply wrote, apart from the letters quoted under or around it.

Mail clients announce a quotation in three ways, in each language of their own:

- a rule: ``-----Original Message-----``, ``------------------ 原始邮件 ------------------`` (QQ), ``---- 回复的原邮件 ----`` (163);
- a sentence: ``On … wrote:``, ``在 …，… 写道：``, ``… 于2026年…写道：`` (Gmail), which may run over some lines;
- a copy of the header: ``发件人： / 发送时间： / 收件人： / 主题：``, ``From: / Sent: / To: / Subject:`` (Outlook, Foxmail).

and mark its lines with ``>`` or not at all. Below a rule, a header or a sentence without marks all that follows is
quoted; among marked lines the writer's answers stand between, and those are kept. A forwarded letter is what its
sender wants us to read: it is not cut.
"""

from __future__ import annotations

import re

_WORDS = (
    "原始邮件|原邮件|原始郵件|原郵件|原始信息|原始訊息|原件|邮件原件|回复的原邮件|回覆的原郵件|回复邮件|历史邮件|"
    "original|original message|original mail|original email|original e-mail|original appointment|replied message|reply message"
)
_RULE = re.compile(rf"[-_=—─\s]{{2,}}\s*(?:{_WORDS})\s*[-_=—─\s]{{2,}}[:：]?|(?:{_WORDS})[:：]", re.IGNORECASE)
_FORWARD_RULE = re.compile(
    r"[-_=—─\s]{2,}\s*(?:转发的?邮件(?:信息)?|转发邮件|轉寄的?郵件|轉寄的?訊息|轉發郵件|forwarded (?:message|mail|email)(?: .{0,80})?)\s*[-_=—─\s]{2,}"
    r"|begin forwarded message[:：]|(?:开始转发的?邮件|开始转发|開始轉寄郵件|以下是转发(?:的)?(?:邮件|信件)(?:内容)?)[:：]?",
    re.IGNORECASE,
)
_SAYS = re.compile(r"(?:写道|寫道|写到|寫到|wrote|writes|schrieb|a écrit|escribió)\s*[:：]?\s*$", re.IGNORECASE)
_SAYS_AT_ALL = re.compile(
    r"(?:写道|寫道|wrote|writes|schrieb.{0,60}|a écrit|escribió)\s*[:：]\s*$|(?:写道|寫道)\s*$|\bwrote on [\d/.\- ]{6,20}[\d:. ]{0,12}(?:[ap]m)?\s*[:：]\s*$",
    re.IGNORECASE,
)
_SAYS_OPENING = re.compile(
    r"\s*(?:on\b|at\b|在|于|於|am\b|le\b|el\b|\"|“|<|\d{4}\s*[-年/.]|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|.{1,60}(?:于|於|在)\s*\d{4}|.{1,80}[<＜(（].{1,80}@|.{1,80} wrote on \d)",
    re.IGNORECASE,
)
_DATED = re.compile(r"\d{4}|\d{1,2}[:：]\d{2}|\d{1,2}\s*月\s*\d{1,2}|[\w.+-]+@[\w-]+\.")
_FIELD = re.compile(
    r"[\s>*_|]*(?P<name>发\s*件\s*人|發\s*件\s*人|寄\s*件\s*者|寄\s*件\s*人|发送人|發送人|发自|发送时间|發送時間|发送日期|发件日期|發件日期|發送日期|"
    r"寄件日期|傳送時間|傳送日期|传送时间|时间|時間|日期|日 期|收\s*件\s*人|收\s*件\s*者|抄\s*送\s*人?|副本|密送|主\s*题|主\s*題|主\s*旨|标题|"
    r"from|sent|date|to|cc|bcc|subject|reply-to|importance|von|gesendet|an|betreff)[*_\s]*[:：]",
    re.IGNORECASE,
)
_FROM = re.compile(r"(?:发件人|發件人|寄件者|寄件人|发送人|發送人|from|von)$", re.IGNORECASE)
_UNDERLINE = re.compile(r"\s*[_\-—─]{10,}\s*$|\s*[-_]{3,}\s*$")
_MARK = re.compile(r"\s{0,3}[>＞|]")
# No client writes a longer announcement; a longer line is text, or made to keep the patterns busy.
_LONGEST = 300
_FORWARD_SUBJECT = re.compile(r"\s*(?:fwd?|转发|轉寄|轉發|轉遞|wg|tr|fw)\s*[:：]", re.IGNORECASE)
_REPLY_SUBJECT = re.compile(
    r"\s*(?:re|回复|回覆|答复|答覆|回信|aw|sv)\s*(?:\[\d+\]|\(\d+\)|（\d+）)?\s*[:：]", re.IGNORECASE
)


def is_forward(subject: str) -> bool:
    return bool(_FORWARD_SUBJECT.match(subject))


def plain_subject(subject: str) -> str:
    """The subject without reply and forward prefixes in Chinese and English, however often they were stacked."""
    while match := _REPLY_SUBJECT.match(subject) or _FORWARD_SUBJECT.match(subject):
        subject = subject[match.end() :]
    return subject.strip()


def own_words(text: str, subject: str = "") -> str:
    """The text without quotations. Where nothing of the writer's own would be left, the text as it is."""
    lines = text.split("\n")
    end, marked_from = _beginning_of_quotation(lines, forwarded=is_forward(subject))
    kept = _without_marked(lines[:end], marked_from)
    result = "\n".join(kept).strip("\n")
    return result if result.strip() else text.strip("\n")


def _beginning_of_quotation(lines: list[str], *, forwarded: bool) -> tuple[int, set[int]]:
    """The line at which everything quoted begins, and lines of announcements before it that go as well."""
    announcements: set[int] = set()
    place = 0
    while place < len(lines):
        line = lines[place].strip()
        if not line or len(line) > _LONGEST:
            place += 1
            continue
        if _FORWARD_RULE.fullmatch(line):
            return len(lines), announcements
        if _RULE.fullmatch(line):
            return _above(lines, place), announcements
        if (length := _sentence(lines, place)) > 0:
            if not _marked_follows(lines, place + length):
                return place, announcements
            announcements.update(range(place, place + length))
            place += length
            continue
        if _header_copy(lines, place):
            return (len(lines) if forwarded else _above(lines, place)), announcements
        place += 1
    return len(lines), announcements


def _sentence(lines: list[str], place: int) -> int:
    """The number of lines (1 to 4) of a sentence "on … wrote:" that begins here, else 0."""
    if _MARK.match(lines[place]) or not _SAYS_OPENING.match(lines[place]):
        return 0
    joined = ""
    for length in range(1, 5):
        if place + length > len(lines) or not 0 < len(lines[place + length - 1].strip()) <= _LONGEST:
            return 0
        joined += " " + lines[place + length - 1].strip()
        if _SAYS_AT_ALL.search(joined):
            return length if _DATED.search(joined) and len(joined) < 400 else 0
        if length < 4 and _SAYS.search(joined):
            continue
    return 0


def _header_copy(lines: list[str], place: int) -> bool:
    """A copied header begins with its sender and has at least two more fields within the next lines."""
    first = _FIELD.match(lines[place])
    if first is None or _MARK.match(lines[place]):
        return False
    if not _FROM.fullmatch(re.sub(r"\s", "", first["name"])):
        return False
    names = set()
    blanks = 0
    for line in lines[place + 1 : place + 12]:
        if not line.strip():
            blanks += 1
            if blanks > 4:
                break
            continue
        if (match := _FIELD.match(line)) is not None:
            names.add(match["name"].lower())
    return len(names) >= 2


def _above(lines: list[str], place: int) -> int:
    """Takes the drawn line above a header copy with it."""
    above = place
    while above > 0 and not lines[above - 1].strip():
        above -= 1
    if above > 0 and _UNDERLINE.match(lines[above - 1]):
        return above - 1
    return place


def _marked_follows(lines: list[str], place: int) -> bool:
    return next((bool(_MARK.match(line)) for line in lines[place : place + 4] if line.strip()), False)


def _without_marked(lines: list[str], announcements: set[int]) -> list[str]:
    kept: list[str] = []
    quoted_before = False
    marks = [bool(re.match(r"\s{0,3}[>＞]", line)) for line in lines]
    for place, line in enumerate(lines):
        if place in announcements or marks[place]:
            quoted_before = True
            continue
        if quoted_before and not line.strip():
            continue
        if quoted_before and kept and kept[-1].strip():
            kept.append("")
        quoted_before = False
        kept.append(line)
    return kept
