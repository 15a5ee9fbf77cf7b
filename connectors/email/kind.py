"""What sort of mail it is: a person's, an automatic reply, a bounce, a list's, or our own come back.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 (delivery status), RFC 3798 (receipts), RFC 2919 and 2369 (lists), and the
fields that mailers used before there were standards. Only a person's mail is ever answered.
"""

from __future__ import annotations

import re
from typing import Literal

from connectors.email.headers import Headers
from connectors.email.mime import Part

Kind = Literal["person", "auto-reply", "bounce", "list", "loop"]
LOOP_FIELD = "x-hotline-loop"

_DAEMON = re.compile(
    r"^(?:mailer-daemon|postmaster|mail-daemon|maildaemon|mailerdaemon|bounces?)(?:[+-].*)?@|^mailer-daemon$",
    re.IGNORECASE,
)
_ROBOT = re.compile(
    r"^(?:no-?reply|do-?not-?reply|noreply-.*|auto-?(?:reply|responder|confirm))(?:[+-].*)?@", re.IGNORECASE
)
_BOUNCE_SUBJECT = re.compile(
    r"\s*(?:undeliver(?:able|ed)|mail delivery (?:failed|failure|subsystem|system)|delivery (?:status notification|failure|has failed)|"
    r"returned mail|failure notice|delivery notification|undelivered mail|系统退信|退信|投递失败|发送失败|郵件無法傳遞|無法傳遞|未送达|无法投递)",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"\s*(?:auto(?:matic)?[ -]?(?:reply|response|answer)|autoreply|out of (?:the )?office|away from (?:my|the) (?:office|mail)|on vacation|"
    r"自动回复|自動回覆|自动答复|自動回復|自動答覆|外出(?:自动)?(?:回复|通知)|不在办公室|休假(?:自动)?(?:回复|通知)|auto:|已读[:：]|已讀[:：]|read:\s)",
    re.IGNORECASE,
)
_SET = frozenset(("yes", "true", "1", "all", "auto_reply", "auto-reply"))


def of(root: Part, *, subject: str, sender: str) -> tuple[Kind, str]:
    """The kind and the reason for it, which is recorded with the message. (A loop is told by its signature, elsewhere.)"""
    headers = root.headers
    return (
        _bounce(root, headers, subject, sender)
        or _automatic(root, headers, subject, sender)
        or _list(headers)
        or ("person", "")
    )


def _bounce(root: Part, headers: Headers, subject: str, sender: str) -> tuple[Kind, str] | None:
    report = headers.parameters("content-type").get("report-type", "").lower()
    if headers.token("content-type") == "multipart/report" and report == "delivery-status":
        return "bounce", "It is a delivery status report (RFC 3464)."
    if any(part.type == "message/delivery-status" for part in root.parts):
        return "bounce", "A part of it is a delivery status (RFC 3464)."
    if headers.raw("x-failed-recipients") is not None:
        return "bounce", "It names failed recipients (X-Failed-Recipients)."
    if _DAEMON.match(sender) and (_BOUNCE_SUBJECT.match(subject) or _null_sender(headers)):
        return "bounce", "A mail system sent it about a mail that could not be delivered."
    if _null_sender(headers) and _BOUNCE_SUBJECT.match(subject):
        return "bounce", "Its return path is empty and its subject is a bounce's."
    return None


def _automatic(root: Part, headers: Headers, subject: str, sender: str) -> tuple[Kind, str] | None:
    submitted = headers.token("auto-submitted")
    if submitted and submitted != "no":
        return "auto-reply", f"Auto-Submitted says {submitted} (RFC 3834)."
    for field in (
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-autoreply-from",
        "x-mail-autoreply",
    ):
        value = headers.token(field)
        if value and value not in ("no", "false", "0"):
            return "auto-reply", f"It has {field.title()}."
    if headers.token("precedence") in ("auto_reply", "auto-reply"):
        return "auto-reply", "Its precedence is auto_reply."
    if headers.token("x-pm-message-type") in _SET or headers.token("x-vacation") in _SET:
        return "auto-reply", "Its mailer marks it as automatic."
    report = headers.parameters("content-type").get("report-type", "").lower()
    if headers.token("content-type") == "multipart/report" and report == "disposition-notification":
        return "auto-reply", "It is a receipt (RFC 3798)."
    if _AUTO_SUBJECT.match(subject):
        return "auto-reply", "Its subject is an automatic reply's."
    if _null_sender(headers):
        return "auto-reply", "Its return path is empty."
    if _DAEMON.match(sender) or (_ROBOT.match(sender) and headers.token("precedence") in ("bulk", "junk")):
        return "auto-reply", "Its sender is a program."
    return None


def _list(headers: Headers) -> tuple[Kind, str] | None:
    for field in (
        "list-id",
        "list-post",
        "list-unsubscribe",
        "x-mailing-list",
        "x-list",
        "mailing-list",
        "x-campaign",
        "x-campaignid",
        "feedback-id",
    ):
        if headers.raw(field):
            return "list", f"It has {field.title()}."
    precedence = headers.token("precedence")
    if precedence in ("list", "bulk", "junk"):
        return "list", f"Its precedence is {precedence}."
    return None


def _null_sender(headers: Headers) -> bool:
    path = headers.raw("return-path")
    return path is not None and path.strip() == b"<>"
