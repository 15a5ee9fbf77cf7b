"""Replies on the channel a message came from, by the ``reply`` template of its definition."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import requests
from sqlalchemy import select

from connectors.generic import expression
from connectors.generic.definition import Definition, Reply, definitions, is_open, secrets_of
from connectors.generic.provider import ProviderUnreachable, address, check_host
from connectors.generic.settings import GenericSettings
from connectors.generic.tokens import secrets_for, with_token
from connectors.generic.webhook import filled
from core import clock, db, settings
from core.errors import Forbidden, TooMany
from intake import MessageRow
from ticketing import CannotDeliver, Delivery, OutgoingNotice, Outlet


class GenericOutlet:
    """The way back on one channel; its name is the channel's."""

    def __init__(self, definition: Definition, reply: Reply) -> None:
        self.name = definition.channel
        self._definition = definition
        self._reply = reply

    def reaches(self, notice: OutgoingNotice) -> bool:
        """Whether the recipient has written on this channel (within its window) and every secret of the reply is set."""
        return self._last(notice) is not None and self._equipped()

    def send(self, notice: OutgoingNotice) -> Delivery:
        """Sends the text in one message, cut to the channel's length. Raises CannotDeliver, TooMany, ProviderUnreachable."""
        last = self._last(notice)
        if last is None:
            raise CannotDeliver("the recipient has not written on this channel, or too long ago")
        scope = self._scope(notice, last)
        answer = self._post(scope)
        token = self._definition.token
        stale = {str(one) for one in self._reply.stale}
        if token is not None and self._number(answer) in stale:
            answer = self._post({**scope, "secret": with_token(self._definition, scope["secret"].get(token.name, ""))})
            if self._number(answer) in stale:  # some providers give the old one again for a while
                raise ProviderUnreachable("The provider takes none of its tokens now.")
        return self._delivery(answer)

    def _post(self, scope: dict[str, Any]) -> requests.Response:
        reply = self._reply
        try:
            url = address(reply.url, scope)
            check_host(url, reply.hosts)
        except Forbidden as error:
            raise CannotDeliver(error.message) from None
        headers = {name: expression.fill(value, scope) for name, value in reply.headers.items()}
        if reply.basic:
            headers["Authorization"] = (
                f"Basic {base64.b64encode(expression.fill(reply.basic, scope).encode()).decode()}"
            )
        sent: dict[str, Any] = {"data": {name: expression.fill(value, scope) for name, value in reply.form.items()}}
        if reply.json_ is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            sent = {"data": json.dumps(filled(reply.json_, scope), ensure_ascii=False).encode()}
        try:
            return requests.post(
                url, headers=headers, timeout=settings.get(GenericSettings).timeout, allow_redirects=False, **sent
            )
        except requests.RequestException as error:
            raise ProviderUnreachable(f"The provider cannot be reached ({type(error).__name__}).") from None

    def _number(self, answer: requests.Response) -> str:
        """What the provider's answer says at ``error``."""
        try:
            return expression.text(self._reply.error, {"item": answer.json()}) if self._reply.error else ""
        except ValueError:
            return ""

    def _delivery(self, answer: requests.Response) -> Delivery:
        try:
            content = answer.json()
        except ValueError:
            content = None
        number = self._number(answer)
        if answer.status_code == 429 or number in {str(one) for one in self._reply.busy}:
            raise TooMany(f"the provider is busy: {number or answer.status_code}")
        if answer.status_code >= 500:
            raise ProviderUnreachable(f"The provider answered {answer.status_code}.")
        if answer.status_code >= 300 or (number and number not in {str(one) for one in self._reply.fine}):
            raise CannotDeliver(f"the provider refused: {answer.status_code} {number[:200]}".strip())
        receipt = expression.text(self._reply.receipt, {"item": content}) if self._reply.receipt else ""
        return Delivery(receipt=receipt[:200])

    def _scope(self, notice: OutgoingNotice, last: MessageRow) -> dict[str, Any]:
        text = notice.text if len(notice.text) <= self._reply.limit else notice.text[: self._reply.limit - 1] + "…"
        return {
            "item": {
                "to": last.content["sender"]["value"],
                "conversation": last.conversation or last.content["sender"]["value"],
                "text": text,
                "text_as_json": json.dumps({"text": text}, ensure_ascii=False),
                "subject": notice.subject,
                "extra": last.content["extra"].get("item"),
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, notice.key)),
            },
            "secret": secrets_for(self._definition, self._reply),
        }

    def _equipped(self) -> bool:
        secrets = secrets_of(self._definition)
        written = json.dumps(self._reply.model_dump(mode="json"))
        token = self._definition.token
        if token is not None and not all(secrets.get(name) for name in token.needs):
            return False
        return all(secrets.get(name) for name in self._definition.secrets if f"secret.{name}}}" in written)

    def _last(self, notice: OutgoingNotice) -> MessageRow | None:
        """The recipient's last message on this channel."""
        values = {value for kind in notice.identities.values() for value in kind}
        if not values:
            return None
        with db.read() as session:
            rows = session.scalars(
                select(MessageRow)
                .where(
                    MessageRow.channel == self.name,
                    MessageRow.content["sender"]["value"].as_string().in_(values),
                )
                .order_by(MessageRow.received_at.desc())
                .limit(1)
            ).all()
        if not rows:
            return None
        hours = self._reply.window_hours
        if hours and clock.now() - rows[0].received_at > timedelta(hours=hours, minutes=-1):
            return None
        return rows[0]


def outlets() -> list[Outlet]:
    """One for each open channel that has a reply."""
    return [
        GenericOutlet(definition, definition.reply)
        for definition in definitions().values()
        if definition.reply is not None and is_open(definition)
    ]
