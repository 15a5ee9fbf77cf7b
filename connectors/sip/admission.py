"""Who may call: networks, called numbers, rates; scanners get no answer."""

from __future__ import annotations

import fnmatch
import time
from collections import OrderedDict
from ipaddress import ip_address, ip_network

from connectors.sip.address import parse_uri
from connectors.sip.message import SipMessage
from connectors.sip.settings import SipSettings

# What the scanning tools call themselves, and the users they ask for (sipvicious, sipcli, sundayddr, PPLSIP ...).
SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "vaxsipuseragent",
    "pplsip",
)
MOST_SOURCES = 4096


class Admission:
    """Decides about requests that open something new."""

    def __init__(self, config: SipSettings) -> None:
        self._networks = [ip_network(each, strict=False) for each in config.sources]
        self._named = {str(each.network_address) for each in self._networks if each.num_addresses == 1}
        self._called = [pattern.lower() for pattern in config.called]
        self._most = config.calls_per_source
        self._recent: OrderedDict[str, list[float]] = OrderedDict()
        self._trusted: set[str] = set()

    def trust(self, host: str) -> None:
        """A registrar of ours may call from its address."""
        self._trusted.add(host)

    def is_known(self, host: str) -> bool:
        """Whether this address may speak to us at all."""
        if not self._networks or host in self._trusted:
            return True
        return any(ip_address(host) in network for network in self._networks)

    def is_scanner(self, message: SipMessage) -> bool:
        agent = message.get("user-agent").lower()
        return any(word in agent for word in SCANNERS)

    def answers_to(self, message: SipMessage) -> bool:
        """Whether the number that was called is one of ours."""
        if not self._called:
            return True
        try:
            user = parse_uri(message.uri).user.lower()
        except ValueError:
            return False
        return any(fnmatch.fnmatchcase(user, pattern) for pattern in self._called)

    def is_too_often(self, host: str) -> bool:
        """Counts a new call of this address; whether it made too many within a minute. One that the settings name by itself
        is a proxy or a PBX and brings the calls of many: it may."""
        if host in self._named or host in self._trusted:
            return False
        now = time.monotonic()
        times = [at for at in self._recent.pop(host, []) if now - at < 60]
        too_often = len(times) >= self._most
        if not too_often:
            times.append(now)
        self._recent[host] = times
        while len(self._recent) > MOST_SOURCES:
            self._recent.popitem(last=False)
        return too_often
