"""SPF, DKIM and DMARC verdicts on a mail, recorded with its message (RFC 7208, RFC 6376, RFC 7489).

Checking needs DNS; it is off unless a resolver is named. The question to DNS is one function, so tests answer it from a
table. A verdict never refuses a mail: it tells the agent, and decides whether the sender's address counts as verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver
import spf
from authheaders import check_dkim, check_dmarc
from authheaders.dmarc_lookup import get_org_domain
from authres import SPFAuthenticationResult
from pydantic import Field

from connectors.email import headers, mime
from connectors.email.headers import Headers
from core import log, settings

Question = Callable[[str, str], list[Any]]
logger = log.get(__name__)


class MailAuthenticationSettings(settings.Section, prefix="MAIL_AUTHENTICATION"):
    """Checking who sent a mail."""

    resolver: str = Field(
        "", description="DNS server asked for SPF, DKIM and DMARC records; system for this machine's. Empty: no check."
    )
    seconds: float = Field(5.0, description="s for one question to DNS.")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """pass, fail, none, softfail, neutral, permerror, temperror as in RFC 8601; "" where it was not checked. ``aligned``:
    DMARC passed, so the address in From is the sender's."""

    spf: str = ""
    dkim: str = ""
    dmarc: str = ""

    @property
    def aligned(self) -> bool:
        return self.dmarc == "pass"

    def as_dict(self) -> dict[str, str]:
        return {name: value for name in ("spf", "dkim", "dmarc") if (value := getattr(self, name))}


def check(raw: bytes, peer: str, mail_from: str, helo: str) -> Verdict:
    """Verdicts with the resolver of the settings; an empty Verdict where none is named. SPF needs the peer's address."""
    config = settings.get(MailAuthenticationSettings)
    return judge(raw, peer, mail_from, helo, _resolver(config)) if config.resolver else Verdict()


def judge(raw: bytes, peer: str, mail_from: str, helo: str, question: Question) -> Verdict:
    """Verdicts with ``question(name, type)`` for DNS: texts for TXT, addresses for A and AAAA, names for PTR,
    (preference, name) for MX; it raises OSError when DNS fails. Never raises itself."""

    def texts(name: str | bytes, **_: Any) -> str | None:
        host = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        answers = [str(one) for one in question(host.rstrip("."), "TXT")]
        return next(
            (one for one in answers if one.startswith(("v=DMARC1", "v=DKIM1", "k=", "p="))),
            answers[0] if answers else None,
        )

    spf_result = _spf(peer, mail_from, helo, question) if peer else None
    signed = _has_signature(raw)
    dkim_result = (
        _guarded(lambda: check_dkim(raw, dnsfunc=lambda name, timeout=5: _encoded(texts(name)))) if signed else None
    )
    dmarc_result = _guarded(lambda: check_dmarc(raw, spf_result, dkim_result, dnsfunc=texts))
    dmarc = _result(dmarc_result)
    if dmarc == "pass" and not _belongs(raw, mail_from, spf_result, dkim_result):
        dmarc = "fail"
    return Verdict(
        spf=_result(spf_result) if peer else "",
        dkim=_result(dkim_result) if signed else "none",
        dmarc=dmarc,
    )


def _belongs(raw: bytes, mail_from: str, spf_result: Any, dkim_result: Any) -> bool:
    """Whether a domain that passed belongs to the one in From. authheaders decides this too, but by a public suffix list
    of 2019, and takes all domains below a suffix that the list lacks for one."""
    head, _ = mime.split_head(memoryview(raw))
    senders = Headers(headers.split(head)).addresses("from")
    claimed = {(one.address or "").rpartition("@")[2].lower() for one in senders}
    if len(claimed) != 1:
        return False
    (own,) = claimed
    passed = [mail_from.rpartition("@")[2]] if _result(spf_result) == "pass" else []
    passed += [str(dkim_result.header_d)] if _result(dkim_result) == "pass" else []
    return any(_organisation(own) == _organisation(one.lower()) for one in passed)


def _organisation(domain: str) -> str:
    found = str(get_org_domain(domain)) if domain else ""
    return found if "." in found else ".".join(domain.split(".")[-2:])


def _spf(peer: str, mail_from: str, helo: str, question: Question) -> Any:
    try:
        # pyspf takes no DNS function; its queries ask an object of our own instead.
        answer, reason = _Query(peer, mail_from, helo or "unknown", question).check()[0::2]
    except (spf.TempError, OSError):
        answer, reason = "temperror", ""
    except Exception:
        logger.info("SPF could not be checked")
        answer, reason = "permerror", ""
    return SPFAuthenticationResult(result=answer, reason=reason, smtp_mailfrom=mail_from, smtp_helo=helo)


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    def __init__(self, peer: str, mail_from: str, helo: str, question: Question) -> None:
        super().__init__(i=peer, s=mail_from, h=helo, querytime=20)
        self._question = question

    def dns(self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:
        """What pyspf wants of DNS, in its own shapes: texts as tuples of bytes, addresses in binary form for A."""
        if qtype == "SPF":
            return []
        try:
            answers = self._question(str(name).rstrip(".").lower(), qtype)
        except OSError as error:
            raise spf.TempError("DNS did not answer") from error
        if qtype == "TXT":
            return [(str(one).encode(),) for one in answers]
        return list(answers)


def _has_signature(raw: bytes) -> bool:
    head = raw.split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0].lower()
    return head.startswith(b"dkim-signature:") or b"\ndkim-signature:" in head


def _guarded(work: Callable[[], Any]) -> Any:
    """Results of libraries that meet hostile mail: what they cannot handle is an error of the mail or of DNS."""
    try:
        return work()
    except OSError:
        return "temperror"
    except Exception:
        logger.info("a mail's authentication could not be checked")
        return "permerror"


def _result(outcome: Any) -> str:
    return outcome if isinstance(outcome, str) else str(getattr(outcome, "result", None) or "none")


def _encoded(answer: str | None) -> bytes | None:
    return None if answer is None else answer.encode()


def _resolver(config: MailAuthenticationSettings) -> Question:
    resolver = dns.resolver.Resolver(configure=config.resolver == "system")
    if config.resolver != "system":
        resolver.nameservers = [config.resolver]
    resolver.lifetime = config.seconds

    def ask(name: str, kind: str) -> list[Any]:
        try:
            answers = resolver.resolve(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise OSError("DNS did not answer") from error
        return [_value(record, kind) for record in answers]

    return ask


def _value(record: Any, kind: str) -> Any:
    if kind == "TXT":
        return b"".join(record.strings).decode("utf-8", "replace")
    if kind == "MX":
        return record.preference, record.exchange.to_text(omit_final_dot=True)
    if kind == "PTR":
        return record.target.to_text(omit_final_dot=True)
    return record.address
