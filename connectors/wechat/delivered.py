"""Delivery reports of template and subscription messages reach the notice they are about."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import xml
from connectors.wechat import events
from core import db, outbox
from intake import MessageRow
from ticketing import Notice


@outbox.handler(events.DELIVERED, queue="outbound")
def delivered(promise: outbox.Promise) -> outbox.Effect:
    """Sets the notice to delivered or failed, as the event says."""
    with db.read() as session:
        row = session.get_one(MessageRow, promise.payload["message"])
        source = row.content["extra"]["source"]
    reports = events.reports(xml.read(source)["xml"])

    def write(session: Session) -> None:
        for receipt, status in reports:
            notice = session.scalar(select(Notice).where(Notice.sent_by == "wechat", Notice.receipt == receipt))
            if notice is None or not receipt:
                continue
            notice.state = "delivered" if status == "success" else "failed"
            notice.error = "" if status == "success" else status[:200]

    return write
