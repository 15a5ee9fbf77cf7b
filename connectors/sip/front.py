"""The small UDP front before the pjsua2 processes: spreads calls, keeps each dialog with its process, refuses the rest.

It is a stateless proxy with a table. Towards a process it puts its inner address into Via and Record-Route; outside only
its outer address is seen (the processes' Contact is that one). A process that makes a call sends its INVITE to the inner
address (as its outbound proxy), and the front sends it on to the next Route, else to the Request-URI. What a SIP proxy does well is Kamailio's job: TCP, TLS and
more than one machine go through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, cast

from connectors.sip.address import parse_address, parse_uri, parse_via
from connectors.sip.admission import Admission
from connectors.sip.farewell import Farewell
from connectors.sip.hops import digest, is_ip, is_private, note_source, parse_via_or_none, reply_to, slim, transaction
from connectors.sip.message import MOST_BYTES, NotSip, SipMessage, answer, parse
from connectors.sip.offer import prefer
from connectors.sip.routes import Line, Route, Routes, Where
from connectors.sip.settings import SipSettings
from connectors.sip.validity import ALLOW, answerable, fault_of
from core import log, metrics
from core.errors import ConfigurationError

COOKIE = "z9hG4bKhl"
BYE_SECONDS = 0.16  # how long a BYE is held back; the jitter buffer waits for 100 to 240 ms
MOST_ANSWERS = 2000  # refusals remembered for their retransmissions
AGENT = "Hotline"

logger = log.get(__name__)
Deliver = Callable[[SipMessage, Where], None]


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Where], None]) -> None:
        self._received = received
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._received(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        logger.debug("a datagram did not arrive", reason=type(exc).__name__)

    def send(self, data: bytes, where: Where) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, where)


class Front:
    """``start`` binds; ``add_line``/``lose_line``/``free_slot`` are called as processes come, die and let calls go."""

    def __init__(self, config: SipSettings) -> None:
        self.config = config
        self.address = config.address()
        self.port = 0
        self.inner_port = 0
        self.routes = Routes()
        self.admission = Admission(config)
        self.draining = False
        self._outer = _Socket(self._from_outside)
        self._inner = _Socket(self._from_line)
        self._answers: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._own: dict[str, Deliver] = {}
        self.on_refer: Deliver | None = None
        self._farewell = Farewell(self.send, self.contact, self.via)
        self._sweeper: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises ConfigurationError when the port is taken."""
        loop = asyncio.get_running_loop()
        where = (self.config.host, self.config.port)
        try:
            outer, _ = await loop.create_datagram_endpoint(lambda: self._outer, local_addr=where)
        except OSError as error:
            raise ConfigurationError(f"HOTLINE_SIP_PORT: can't listen on {where[0]}:{where[1]}/udp: {error}") from error
        inner, _ = await loop.create_datagram_endpoint(lambda: self._inner, local_addr=("127.0.0.1", 0))
        self.port = int(outer.get_extra_info("sockname")[1])
        self.inner_port = int(inner.get_extra_info("sockname")[1])
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await self._farewell.finish()
        for socket in (self._outer, self._inner):
            if socket.transport is not None:
                socket.transport.close()

    def add_line(self, name: str, port: int) -> None:
        self.routes.add_line(Line(name=name, where=("127.0.0.1", port)))

    def lose_line(self, name: str) -> None:
        """The process is gone: its callers are told, so that nobody listens into the void."""
        for route in self.routes.remove_line(name):
            if route.answer is not None or route.outgoing:
                self._farewell.say(route)
            else:
                self._refuse(route.invite, route.peer, 500, "Server Internal Error")

    def free_slot(self, call_id: str) -> None:
        self.routes.release(call_id)

    def confirm(self, call_id: str) -> None:
        """Gives the process the ACK that the caller owes: without it pjsip keeps the call for ever."""
        route = self.routes.find(call_id)
        if route is None or route.answer is None:
            return
        ack = SipMessage("ACK", parse_address(route.answer.get("contact") or "sip:hotline@localhost").uri)
        ack.headers = [("via", self.via(f"ack {call_id}")), ("max-forwards", "70")]
        ack.headers += [(name, route.answer.get(name)) for name in ("from", "to", "call-id")]
        ack.headers.append(("cseq", f"{route.invite.cseq[0]} ACK"))
        self._to_line(ack, route)

    def contact(self, user: str = "hotline") -> str:
        return f"<sip:{user}@{self.address}:{self.port}>"

    def via(self, seed: str) -> str:
        return f"SIP/2.0/UDP {self.address}:{self.port};branch={COOKIE}{digest(seed)};rport"

    def claim(self, call_id: str, deliver: Deliver) -> None:
        """Responses (and requests) of this Call-ID are the front's owner's own: registrations."""
        self._own[call_id] = deliver

    def send(self, message: SipMessage, where: Where) -> None:
        self._outer.send(message.encode(), where)

    def answer(self, request: SipMessage, where: Where, status: int, reason: str) -> None:
        """Answers a request within a dialog in the process's place."""
        self.send(answer(request, status, reason, [("server", AGENT)]), where)

    async def resolve(self, host: str, port: int | None) -> Where:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host.strip("[]"), port or 5060, family=2, type=2)
        where = found[0][4]
        return str(where[0]), int(where[1])

    # From outside

    def _from_outside(self, data: bytes, source: Where) -> None:
        if len(data) < 20:  # keep-alives
            return
        known = self.admission.is_known(source[0])
        if not known and not self.routes.speaks_with(source[0]):
            metrics.refused.labels("sip", "source").inc()
            return
        try:
            too_large = len(data) > MOST_BYTES
            # Of what is too large only the first headers are read, to be able to say so.
            message = parse(data[:4000].rpartition(b"\r\n")[0] + b"\r\n\r\n" if too_large else data)
            if not known and not self.routes.speaks_with(source[0], message.call_id):
                # Whom we call may speak of that call, and of nothing else.
                metrics.refused.labels("sip", "source").inc()
            elif message.is_request:
                self._request(message, source, too_large=too_large)
            else:
                self._response_from_outside(message)
        except NotSip:
            metrics.refused.labels("sip", "not sip").inc()
        except Exception:
            logger.exception("a datagram could not be handled")

    def _request(self, message: SipMessage, source: Where, *, too_large: bool) -> None:
        if self.admission.is_scanner(message) or not answerable(message):
            metrics.refused.labels("sip", "scanner").inc()
            return
        note_source(message, source)
        known = self._answers.get((message.call_id, message.cseq[0]))
        if known is not None and message.method != "ACK":
            self._outer.send(known, source)
            return
        if too_large:
            self._refuse(message, source, 513, "Message Too Large")
            return
        fault = fault_of(message)
        if fault is not None:
            if message.method != "ACK":
                metrics.refused.labels("sip", str(fault.status)).inc()
                self._refuse(message, source, fault.status, fault.reason, fault.headers)
            return
        own = self._own.get(message.call_id)
        if own is not None:
            own(message, source)
            return
        route = self.routes.find(message.call_id)
        if message.method == "REFER" and self.on_refer is not None:
            self.on_refer(message, source)
        elif route is not None:
            self._to_line(message, route)
        elif message.method == "INVITE":
            self._invite(message, source)
        elif message.method == "OPTIONS" and self._has_room():
            self._refuse(message, source, 200, "OK", (("accept", "application/sdp"), ("allow", ALLOW)))
        elif (
            message.method == "OPTIONS"
        ):  # a dispatcher shall not send calls here; busy lines come and go, and are no reason
            self._refuse(message, source, 503, "Service Unavailable", (("retry-after", str(self.config.retry_after)),))
        elif message.method != "ACK":
            self._refuse(message, source, 481, "Call/Transaction Does Not Exist")

    def _invite(self, message: SipMessage, source: Where) -> None:
        if parse_address(message.get("to")).tag:
            self._refuse(message, source, 481, "Call/Transaction Does Not Exist")
            return
        if not self.admission.answers_to(message):
            self._refuse(message, source, 404, "Not Found")
            return
        if self.admission.is_too_often(source[0]) or not self._has_room():
            self._unavailable(message, source)
            return
        if not message.get("contact"):  # an RFC 2543 client; pjsip wants one
            message.put("contact", f"<sip:{source[0]}:{source[1]}>")
        route = self.routes.take(message.call_id, source, message)
        if route is None:
            self._unavailable(message, source)
            return
        self._to_line(message, route)

    def _has_room(self) -> bool:
        if self.draining:
            return False
        free = shutil.disk_usage(self.config.recordings if self.config.recordings.exists() else "/").free
        return free >= self.config.min_free_mb * 1024 * 1024

    def _unavailable(self, message: SipMessage, source: Where) -> None:
        metrics.refused.labels("sip", "full").inc()
        logger.warning("a call found no free line")
        self._refuse(message, source, 503, "Service Unavailable", (("retry-after", str(self.config.retry_after)),))

    def _refuse(
        self, request: SipMessage, source: Where, status: int, reason: str, extra: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Answers by itself, and the same again to a retransmission."""
        headers = [*extra, ("server", AGENT)]
        data = answer(request, status, reason, headers, tag=digest("to", request.call_id)).encode()
        if request.method == "INVITE":
            self._answers[(request.call_id, request.cseq[0])] = data
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
            asyncio.get_running_loop().call_later(32, self._answers.pop, (request.call_id, request.cseq[0]), None)
        self._outer.send(data, source)

    def _to_line(self, message: SipMessage, route: Route) -> None:
        self._strip_routes(message)
        inner = f"127.0.0.1:{self.inner_port}"
        forwarded = SipMessage(message.method, message.uri, headers=list(message.headers), body=message.body)
        slim(forwarded)
        branch = COOKIE + digest(*transaction(message))
        forwarded.headers.insert(0, ("via", f"SIP/2.0/UDP {inner};branch={branch}"))
        if message.method == "INVITE":
            forwarded.headers.insert(1, ("record-route", f"<sip:{inner};lr>"))
            if message.get("content-type").lower().startswith("application/sdp"):
                forwarded.body = prefer(message.body, self.config.codecs)
        if message.method == "BYE":
            # The last words are still in the jitter buffer, which pjsip throws away with the call.
            data, where = forwarded.encode(), route.line.where
            asyncio.get_running_loop().call_later(BYE_SECONDS, self._inner.send, data, where)
            return
        self._inner.send(forwarded.encode(), route.line.where)

    def _strip_routes(self, message: SipMessage) -> None:
        """Routes that lead to us have been followed."""
        routes = message.all("route")
        rest = [each for each in routes if not self._is_us(each)]
        if len(rest) != len(routes):
            message.put_all("route", rest)

    def _is_us(self, value: str) -> bool:
        try:
            uri = parse_uri(parse_address(value).uri)
        except ValueError:
            return False
        return uri.port == self.inner_port or (uri.host == self.address and (uri.port or 5060) == self.port)

    def _response_from_outside(self, message: SipMessage) -> None:
        vias = message.all("via")
        if not vias or not parse_via_or_none(vias[0]) or not parse_via(vias[0]).branch.startswith(COOKIE):
            metrics.refused.labels("sip", "stray response").inc()
            return
        if self._farewell.answered(message):
            return
        own = self._own.get(message.call_id)
        if own is not None:
            own(message, ("", 0))
            return
        route = self.routes.find(message.call_id)
        if route is None or len(vias) < 2 or message.cseq[0] < 0:
            return
        if route.line.name not in self.routes.lines and route.outgoing:
            if message.cseq == route.invite.cseq and 200 <= message.status < 300:
                self._farewell.late(route, message)
            return
        message.put_all("via", vias[1:])
        if route.outgoing and message.cseq[1] == "INVITE" and 100 < message.status < 300:
            # A caller goes through Record-Route from its end (RFC 3261 §12.1.2): the process must come to us first.
            path = [*message.all("record-route"), f"<sip:127.0.0.1:{self.inner_port};lr>"]
            if message.status >= 200 and route.answer is None:
                route.answer = SipMessage(status=message.status, headers=list(message.headers))
            message.put_all("record-route", path)
        self._inner.send(message.encode(), route.line.where)

    # From a process

    def _from_line(self, data: bytes, source: Where) -> None:
        line = self.routes.by_where(source)
        if line is None:
            return
        try:
            message = parse(data)
            if message.is_request:
                self._request_from_line(message, line)
            else:
                self._response_from_line(message, line)
        except (NotSip, ValueError):
            logger.warning("a process sent what is no SIP message")
        except Exception:
            logger.exception("a process's datagram could not be handled")

    def _response_from_line(self, message: SipMessage, line: Line) -> None:
        vias = message.all("via")[1:]
        if not vias:
            return
        route = self.routes.find(message.call_id)
        if route is not None and route.line is not line:
            return  # the call has gone to another process
        message.put_all("via", vias)
        message.put_all("record-route", [each for each in message.all("record-route") if not self._is_us(each)])
        if route is not None and message.cseq[1] == "INVITE":
            if 200 <= message.status < 300:
                route.answer = route.answer or message
            elif message.status == 486 and route.answer is None:
                self._line_is_busy(route)
                return
            elif message.status >= 300 and route.answer is None:
                self.routes.release(message.call_id)
        self._outer.send(message.encode(), reply_to(parse_via(vias[0])))

    def _line_is_busy(self, route: Route) -> None:
        """Its pjsua2 still holds calls that we believe over (a BYE that nobody answers holds one for 32 s)."""
        if self.routes.move(route):
            self._to_line(route.invite, route)
            return
        self.routes.release(route.call_id)
        self._unavailable(route.invite, route.peer)

    def _request_from_line(self, message: SipMessage, line: Line) -> None:
        self._strip_routes(message)
        route = self.routes.find(message.call_id)
        if route is None and message.method == "INVITE" and not parse_address(message.get("to")).tag:
            route = self.routes.add(
                Route(call_id=message.call_id, line=line, peer=("", 0), invite=message, outgoing=True)
            )
        if route is None or route.line is not line:
            return
        route.our_cseq = max(route.our_cseq, message.cseq[0])
        message.headers.insert(0, ("via", self.via(" ".join(transaction(message)))))
        if route.outgoing and message.method == "INVITE" and route.answer is None:
            route.invite = message  # the first, or the one with the credentials that were asked for
        target = next(iter(message.all("route")), "")
        uri = parse_uri(parse_address(target).uri if target else message.uri)
        behind_nat = not target and is_private(uri.host) and route.peer[0] and not is_private(route.peer[0])
        if behind_nat:
            self.send(message, route.peer)
        elif is_ip(uri.host):
            self._send_on(message, route, (uri.host, uri.port or 5060))
        else:
            task = asyncio.create_task(self._send_by_name(message, route, uri.host, uri.port))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _send_on(self, message: SipMessage, route: Route, where: Where) -> None:
        if route.outgoing and route.answer is None:
            route.peer = where
        self.send(message, where)

    async def _send_by_name(self, message: SipMessage, route: Route, host: str, port: int | None) -> None:
        try:
            where = await self.resolve(host, port)
        except OSError:
            if not route.peer[0]:
                logger.warning("a call's next hop has no address", host=host)
                failed = answer(message, 503, "Service Unavailable", tag=digest("to", message.call_id))
                failed.put_all("via", failed.all("via")[1:])
                self._inner.send(failed.encode(), route.line.where)
                return
            where = route.peer
        self._send_on(message, route, where)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(5)
            self.routes.forget_old()
