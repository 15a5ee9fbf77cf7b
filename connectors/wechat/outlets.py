"""Notices to followers: a customer-service message inside the reply window, a template message outside it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from connectors.wechat import client
from connectors.wechat.errors import WINDOW_CODES, ApiError
from connectors.wechat.settings import Account, WeChatSettings, account, account_names
from core import clock, db, settings
from intake import MessageRow
from ticketing import Delivery, OutgoingNotice, Outlet
from ticketing.outlets import CannotDeliver

TEXT_LIMIT = 2048  # bytes of a customer-service text ("客服消息"); longer ones go in parts
# Events after which WeChat opens the window too; see "客服接口-发消息".
OPENING_EVENTS = ("", "subscribe", "SCAN", "CLICK", "VIEW")


class WeChatOutlet:
    """The way back to a follower. ``reaches`` looks into the database only."""

    name = "wechat"

    def reaches(self, notice: OutgoingNotice) -> bool:
        found = _last_heard(notice)
        if found is None:
            return False
        owner, _, in_window = found
        return bool(owner.secret.get_secret_value()) and (in_window or bool(owner.template))

    def send(self, notice: OutgoingNotice) -> Delivery:
        """Free text while the window is open; raises CannotDeliver where WeChat will never take it."""
        found = _last_heard(notice)
        if found is None:
            raise CannotDeliver("no openid of the recipient is known")
        owner, openid, in_window = found
        try:
            if in_window and self._as_text(owner, openid, notice):
                return Delivery()
            return self._by_template(owner, openid, notice)
        except ApiError as error:
            raise CannotDeliver(error.message) from error

    def _as_text(self, owner: Account, openid: str, notice: OutgoingNotice) -> bool:
        """False if WeChat says that its window is closed, whatever we believe, and a template may help."""
        try:
            for part in parts(notice.text, TEXT_LIMIT):
                client.send_text(owner, openid, part)
        except ApiError as error:
            if error.number in WINDOW_CODES and owner.template:
                return False
            raise
        return True

    def _by_template(self, owner: Account, openid: str, notice: OutgoingNotice) -> Delivery:
        template = str(notice.extra.get("wechat_template") or owner.template)
        if not template:
            raise CannotDeliver("the reply window is closed and no template is set")
        values = notice.extra.get("wechat_values")
        if not isinstance(values, dict):
            values = {"first": notice.subject, "keyword1": notice.ticket_number, "remark": notice.text[:200]}
        given = {str(name): str(value) for name, value in values.items()}
        if notice.extra.get("wechat_subscription"):
            return Delivery(receipt=client.send_subscription(owner, openid, template, given))
        return Delivery(receipt=client.send_template(owner, openid, template, given, str(notice.extra.get("url", ""))))


def _last_heard(notice: OutgoingNotice) -> tuple[Account, str, bool] | None:
    """The account and openid that wrote last, and whether its reply window is open."""
    openids = list(notice.identities.get("openid", ()))
    if not openids:
        return None
    hours = settings.get(WeChatSettings).reply_window
    with db.read() as session:
        rows = session.execute(
            select(MessageRow.conversation, MessageRow.received_at, MessageRow.content)
            .where(
                MessageRow.channel == "wechat",
                MessageRow.conversation.in_(
                    [f"{n}:{o}" if n != "main" else o for o in openids for n in account_names()]
                ),
            )
            .order_by(MessageRow.received_at.desc())
            .limit(20)
        ).all()
    row = next((r for r in rows if r.content["event"] in OPENING_EVENTS), rows[0] if rows else None)
    if row is None or row.content["extra"].get("account", "main") not in account_names():
        return None
    name, _, openid = row.conversation.rpartition(":")
    opened = row.content["event"] in OPENING_EVENTS
    # A minute is left for the way to WeChat.
    fresh = clock.now() - row.received_at < timedelta(hours=hours, minutes=-1)
    return account(name or "main"), openid, opened and fresh


def parts(text: str, limit: int) -> list[str]:
    """The text in parts of at most ``limit`` bytes of UTF-8, cut at line ends where that is possible."""
    found: list[str] = []
    rest = text
    while len(rest.encode()) > limit:
        piece = rest.encode()[:limit].decode("utf-8", "ignore")
        cut = piece.rfind("\n")
        piece = piece[: cut + 1] if cut > len(piece) // 2 else piece
        found.append(piece.rstrip("\n"))
        rest = rest[len(piece) :]
    return [*found, rest] if rest or not found else found


def outlets() -> list[Outlet]:
    """The outlet, if there is an account."""
    return [WeChatOutlet()] if account_names() else []
