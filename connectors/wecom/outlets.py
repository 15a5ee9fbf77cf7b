"""Ways out through WeCom: to members as the application, to customers through 微信客服, to groups through robots."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from connectors.wechat.errors import ApiError
from connectors.wechat.outlets import parts
from connectors.wecom import client
from connectors.wecom.service import IDENTITY
from connectors.wecom.settings import WeComSettings
from core import clock, db, settings
from intake import MessageRow
from ticketing import CannotDeliver, Delivery, OutgoingNotice, Outlet

TEXT_LIMIT = 2048  # bytes
WINDOW = timedelta(hours=48, minutes=-1)


class WeComOutlet:
    """Members by the application (identity ``wecom``), customers by 微信客服 within 48 h of their last message."""

    name = "wecom"

    def reaches(self, notice: OutgoingNotice) -> bool:
        config = settings.get(WeComSettings)
        member = bool(notice.identities.get("wecom")) and bool(config.secret.get_secret_value())
        return member or (_service(notice) is not None and bool(_service_secret(config)))

    def send(self, notice: OutgoingNotice) -> Delivery:
        receipt = ""
        try:
            for number, part in enumerate(parts(notice.text, TEXT_LIMIT)):
                service = _service(notice)
                if service is not None:
                    receipt = client.send_service_text(service[1], service[0], part, f"{notice.key}-{number}")
                elif notice.identities.get("wecom"):
                    receipt = client.send_text(notice.identities["wecom"][0], part)
                else:
                    raise CannotDeliver("the 48 h reply window of 微信客服 is closed")
        except ApiError as error:
            raise CannotDeliver(error.message) from error
        return Delivery(receipt=receipt)


class GroupRobotOutlet:
    """Tells a group what staff should know. Only for notices whose purpose is meant for it, never for a customer's own."""

    name = "wecom_robot"

    def reaches(self, notice: OutgoingNotice) -> bool:
        config = settings.get(WeComSettings)
        purposes = config.robot_purposes.split()
        return notice.purpose in purposes and self._robot(notice) is not None

    def send(self, notice: OutgoingNotice) -> Delivery:
        robot = self._robot(notice)
        if robot is None:
            raise CannotDeliver("there is no robot for this team")
        text = "\n".join(filter(None, (notice.subject, notice.ticket_number, notice.text)))
        try:
            client.tell_group(robot, parts(text, TEXT_LIMIT)[0])
        except ApiError as error:
            raise CannotDeliver(error.message) from error
        return Delivery()

    def _robot(self, notice: OutgoingNotice) -> str | None:
        robots = settings.get(WeComSettings).robots
        found = robots.get(str(notice.extra.get("team", ""))) or robots.get("default")
        return found.get_secret_value() if found else None


def _service_secret(config: WeComSettings) -> str:
    return config.kf_secret.get_secret_value() or config.secret.get_secret_value()


def _service(notice: OutgoingNotice) -> tuple[str, str] | None:
    """(service account, customer) of the recipient's last message, while its window is open."""
    customers = list(notice.identities.get(IDENTITY, ()))
    if not customers:
        return None
    with db.read() as session:
        rows = session.scalars(
            select(MessageRow)
            .where(
                MessageRow.channel == "wecom",
                MessageRow.content["sender"]["value"].as_string().in_(customers),
                MessageRow.received_at > clock.now() - WINDOW,
            )
            .order_by(MessageRow.received_at.desc())
            .limit(1)
        ).all()
    return (rows[0].content["extra"]["account"], rows[0].content["sender"]["value"]) if rows else None


def outlets() -> list[Outlet]:
    """Those that are set up."""
    config = settings.get(WeComSettings)
    found: list[Outlet] = [WeComOutlet()] if config.corp_id else []
    return [*found, GroupRobotOutlet()] if config.robots else found
