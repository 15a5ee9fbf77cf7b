"""Signatures, lines that telephones add, and legal notices at the end of a mail.

A signature is cut from what is read as the request but not thrown away: the telephone number of a customer often stands
only there.
"""

from __future__ import annotations

import re

# RFC 3676 §4.3 wants "-- "; Chinese clients write "--" or a longer rule.
_DELIMITER = re.compile(r"\s*(?:--|—|——|－－)\s*$")
_RULE = re.compile(r"\s*[-_=—─*~]{3,}\s*$")
_ADDED = re.compile(
    r"\s*[-—]*\s*(?:"
    r"(?:发自|發自|来自|來自|发送自|傳送自|寄自).{0,30}(?:iphone|ipad|手机|手機|华为|華為|小米|oppo|vivo|荣耀|三星|安卓|android|邮箱|郵箱|outlook|windows|mac|foxmail|mail|客户端|平板|hotmail|设备)\S{0,20}.{0,30}"
    r"|(?:从|從|使用|通过|透過).{0,40}(?:发送|发出|傳送|寄出|發送)(?:的邮件|的郵件)?"
    r"|(?:获取|取得|下载)\s*(?:适用于\s*\w+\s*的\s*)?outlook.{0,30}"
    r"|sent (?:from|via|with|using) .{1,60}"
    r"|get outlook for .{1,20}"
    r"|发自我的.{0,20}"
    r")[。.]?\s*(?:<https?://\S*>)?\s*$",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"\s*[*【\[(（]?\s*(?:(?:本|此)(?:电子)?(?:邮件|郵件|電郵)(?:及其?|包括)?(?:所有|任何)?(?:附件)?.{0,60}(?:保密|机密|機密|专有|仅供|僅供)"
    r"|(?:保密|免责|免責)(?:声明|聲明|提示)\s*[:：]"
    r"|this (?:e-?mail|message|communication).{0,80}(?:confidential|privileged|intended)"
    r"|(?:confidentiality|disclaimer)(?: notice)?\s*[:：])",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"电话|電話|手机|手機|传真|傳真|邮箱|郵箱|邮编|地址|网址|公司|集团|部门|分公司|\btel\b|\bmobile\b|\bphone\b|\bfax\b|\be-?mail\b|\bwww\.|@|\bco\.|\bltd\b|\binc\b|\d{3,4}-\d{7,8}|1[3-9]\d{9}",
    re.IGNORECASE,
)
_LONGEST = 200
_MAX_LINES = 12
_MAX_WIDTH = 70


def split(text: str) -> tuple[str, str]:
    """The text and what was taken from its end. A mail that is nothing but signature stays whole."""
    lines = text.split("\n")
    end = len(lines)
    for place, line in enumerate(lines):
        if _NOTICE.match(line[:_LONGEST]) and place > 0:
            end = place
            break
    end = _added(lines, end)
    end = _delimited(lines, end)
    end = _added(lines, end)
    while end > 0 and (not lines[end - 1].strip() or (end < len(lines) and _RULE.match(lines[end - 1][:_LONGEST]))):
        end -= 1
    if not any(line.strip() for line in lines[:end]):
        return text.strip("\n"), ""
    return "\n".join(lines[:end]).strip("\n"), "\n".join(lines[end:]).strip("\n")


def _added(lines: list[str], end: int) -> int:
    """Up to three lines that the sender's program added; they may have other text of programs below them."""
    while True:
        last = end
        while last > 0 and not lines[last - 1].strip():
            last -= 1
        if last > 0 and len(lines[last - 1]) < _LONGEST and _ADDED.match(lines[last - 1]):
            end = last - 1
            continue
        return end


def _delimited(lines: list[str], end: int) -> int:
    """A signature after its delimiter; after a mere rule only if short and with a contact in it."""
    below: list[str] = []
    for place in range(end - 1, -1, -1):
        if len(below) > _MAX_LINES:
            break
        if _DELIMITER.match(lines[place]) and all(len(line) <= 2 * _MAX_WIDTH for line in below):
            return place
        if (
            _RULE.match(lines[place])
            and below
            and all(len(line.strip()) <= _MAX_WIDTH for line in below)
            and any(_CONTACT.search(line) for line in below)
        ):
            return place
        if lines[place].strip():
            below.append(lines[place])
    return end
