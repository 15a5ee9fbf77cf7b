"""Registrations with PBX and trunk (RFC 3261 §10): made, kept fresh, taken elsewhere when a proxy does not answer, taken back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from connectors.sip.address import parse_address
from connectors.sip.digest import Challenge, authorization, read_challenge
from connectors.sip.front import Front
from connectors.sip.message import SipMessage
from connectors.sip.routes import Where
from connectors.sip.settings import Account
from core import log

T1, T2 = 0.5, 4.0  # s, RFC 3261 §17.1.2.1
PATIENCE = 8.0  # s for an answer before the next proxy is tried
LONGEST_PAUSE = 120.0
logger = log.get(__name__)


class NoAnswer(Exception):
    """Nobody answered, or the answer was no."""


class Registration:
    """One account. ``registered`` is set while the registrar knows us."""

    def __init__(self, account: Account, front: Front) -> None:
        self.account = account
        self.registered = asyncio.Event()
        self._front = front
        self._call_id = secrets.token_hex(12)
        self._tag = secrets.token_hex(5)
        self._cseq = 1 + secrets.randbelow(1000)
        self._challenge: Challenge | None = None
        self._header = "authorization"
        self._used = 0
        self._expires = account.expires
        self._answers: asyncio.Queue[SipMessage] = asyncio.Queue()
        self._at = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._front.claim(self._call_id, self._came)
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Takes the registration back, so that no calls are sent to where nobody is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.registered.is_set():
            self.registered.clear()
            with contextlib.suppress(NoAnswer, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._register(0)

    def _came(self, message: SipMessage, source: Where) -> None:
        if not message.is_request:
            self._answers.put_nowait(message)

    async def _keep(self) -> None:
        pause = 2.0
        while True:
            try:
                expires = await self._register(self._expires)
            except (NoAnswer, OSError) as error:
                self.registered.clear()
                self._at += 1  # the next proxy
                logger.warning("a registration failed", reason=str(error), user=self.account.user)
                await asyncio.sleep(pause * (0.8 + secrets.randbelow(400) / 1000))
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if not self.registered.is_set():
                logger.info("registered", user=self.account.user, registrar=self.account.registrar, expires=expires)
            self.registered.set()
            pause = 2.0
            # Early enough for two more tries (RFC 3261 §10.2.4 leaves it to us).
            await asyncio.sleep(max(expires * 0.8 - 5, expires * 0.5))

    async def _register(self, expires: int) -> int:
        """One registration with all its challenges; the seconds it holds."""
        places = self.account.proxies or (self.account.registrar,)
        host, _, port = places[self._at % len(places)].partition(":")
        where = await self._front.resolve(host, int(port) if port else None)
        self._front.admission.trust(where[0])
        challenged = 0
        while True:
            answer = await self._ask(self._request(expires), where)
            if answer.status < 300:
                return self._granted(answer, expires)
            if answer.status in (401, 407) and challenged < 2:
                name = "www-authenticate" if answer.status == 401 else "proxy-authenticate"
                challenge = read_challenge([value for known, value in answer.headers if known == name])
                # A fresh challenge after we answered one means a wrong password, unless it says that ours was stale.
                if challenge is None or (challenged and not challenge.stale):
                    raise NoAnswer(f"{answer.status}: user or password are not accepted")
                self._challenge, self._used = challenge, 0
                self._header = "authorization" if answer.status == 401 else "proxy-authorization"
                challenged += 1
            elif answer.status == 423 and answer.get("min-expires").isdecimal():
                self._expires = expires = min(86_400, max(expires + 1, int(answer.get("min-expires")[:6])))
            else:
                raise NoAnswer(f"{answer.status} {answer.reason}")

    def _granted(self, answer: SipMessage, asked: int) -> int:
        """The time in our Contact, else in Expires (RFC 3261 §10.2.4)."""
        ours = f"@{self._front.address}:{self._front.port}"
        for value in answer.all("contact"):
            with contextlib.suppress(ValueError):
                address = parse_address(value)
                if ours in address.uri and address.params.get("expires", "").isdecimal():
                    return max(10, int(address.params["expires"])) if asked else 0
        expires = answer.get("expires")
        return max(10, int(expires)) if expires.isdecimal() and asked else asked

    def _request(self, expires: int) -> SipMessage:
        account = self.account
        uri = f"sip:{account.realm}"
        self._cseq += 1
        message = SipMessage("REGISTER", uri)
        message.headers = [
            ("via", self._front.via(f"{self._call_id} {self._cseq}")),
            ("max-forwards", "70"),
            ("from", f"<sip:{account.user}@{account.realm}>;tag={self._tag}"),
            ("to", f"<sip:{account.user}@{account.realm}>"),
            ("call-id", self._call_id),
            ("cseq", f"{self._cseq} REGISTER"),
            ("contact", self._front.contact(account.user)),
            ("expires", str(expires)),
            ("user-agent", "Hotline"),
        ]
        if self._challenge is not None:
            self._used += 1
            value = authorization(
                self._challenge,
                account.auth_user or account.user,
                account.password.get_secret_value(),
                "REGISTER",
                uri,
                self._used,
            )
            message.headers.append((self._header, value))
        return message

    async def _ask(self, request: SipMessage, where: Where) -> SipMessage:
        """Sends until a final answer comes (non-INVITE transaction, RFC 3261 §17.1.2)."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + PATIENCE, T1
        while loop.time() < deadline:
            self._front.send(request, where)
            until = min(deadline, loop.time() + pause)
            while (left := until - loop.time()) > 0:
                with contextlib.suppress(TimeoutError):
                    answer = await asyncio.wait_for(self._answers.get(), left)
                    if answer.cseq[0] == request.cseq[0] and answer.status >= 200:
                        return answer
            pause = min(T2, pause * 2)
        raise NoAnswer("no answer")
