"""Payment data that is spoken in a call: neither recorded nor written down.

While a call is *private* its recording is silent and digits in its words become stars. An agent begins and ends that; it begins
by itself when somebody asks for a card's data, or when a card number (16 to 19 digits whose check digit fits, ISO/IEC 7812-1) was
heard, which is then taken out of what was kept before, over several utterances too. Pure: times are ms in the recording.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from core import settings
from intake.sessions import HeardTurn
from nlu.text.digits import DIGIT, PLAIN

STAR = "*"
LENGTHS = range(19, 15, -1)
NETWORKS = re.compile(r"[3-6]|2[2-7]|9[0-9]{3}")  # what card numbers of banks begin with
PHONE_DIGITS = 12  # a longer run in words that are still coming is no telephone number
FEW = 3  # digits that are left readable outside a card number
APART = 6  # other characters between two parts of one number
REMEMBERED_MS = 60_000
MARGIN_MS = 300
_SPOKEN = frozenset(PLAIN) | {"洞", "拐"}


class PaymentSettings(settings.Section, prefix="PAYMENT"):
    """What is not recorded of calls: cards' data."""

    automatic: bool = Field(True, description="Be silent by oneself when a card is asked for or its number is heard.")
    asks: str = Field(
        r"卡号|银行卡|信用卡|有效期|安全码|验证码|支付密码|背面.{0,4}三位|card number|cvv|cvc",
        description="Regular expression: words that ask for payment data.",
    )
    seconds: int = Field(20, ge=5, description="s without a digit after which an automatic pause ends.")
    longest: int = Field(300, ge=10, description="s after which a pause ends that an agent forgot.")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came of an utterance: it as it may be kept, earlier ones (by number) as they must be now, and stretches (ms) of the
    recording that must be silent."""

    turn: HeardTurn
    earlier: Sequence[tuple[int, HeardTurn]] = ()
    blank: Sequence[tuple[int, int]] = ()


class Payment:
    """Of one call."""

    def __init__(self, config: PaymentSettings | None = None) -> None:
        self._config = config or settings.get(PaymentSettings)
        self._asks = re.compile(self._config.asks, re.IGNORECASE)
        self._spans: list[list[int]] = []  # [from, to]
        self._by_hand = False
        self._until = 0
        self._kept: dict[str, deque[tuple[int, HeardTurn]]] = {}

    @property
    def spans(self) -> list[list[int]]:
        """The stretches that were private, for the ticket."""
        return [list(span) for span in self._spans]

    def private(self, ms: int) -> bool:
        """Whether what is said now is kept out of everything."""
        if not self._until:
            return False
        self._spans[-1][1] = ms
        if ms >= self._until:
            self._until = 0
        return bool(self._until)

    def pause(self, ms: int) -> None:
        """By an agent's hand, until ``resume``."""
        self._begin(ms, ms + self._config.longest * 1000)
        self._by_hand = True

    def resume(self, ms: int) -> None:
        if self.private(ms):
            self._until = 0
        self._by_hand = False

    def _begin(self, ms: int, until: int) -> None:
        if not self.private(ms):
            self._by_hand = False
            self._spans.append([ms, ms])
        self._until = max(self._until, until)

    def _automatically(self, ms: int) -> None:
        if self._config.automatic:
            self._begin(ms, ms + self._config.seconds * 1000)

    def take(self, turn: HeardTurn, ms: int) -> Taken:
        """An utterance or prompt that is over at ``ms``, before it is kept."""
        if self._asks.search(turn.text) and turn.speaker != "customer":
            self._automatically(ms)
        if turn.speaker == "system":
            return Taken(turn=turn)
        if any(turn.start < to + MARGIN_MS and turn.end > start for start, to in self._spans) or self.private(ms):
            masked = starred(turn, _runs(turn.text, FEW))
            if masked != turn and not self._by_hand:
                self._automatically(ms)
            self._kept.pop(turn.speaker, None)
            return Taken(turn=masked)
        if not self._config.automatic:
            return Taken(turn=turn)
        return self._searched(turn, ms)

    def keep(self, number: int, turn: HeardTurn) -> None:
        """The utterance was kept under this number: another may show that it was part of a card's number."""
        self._kept.setdefault(turn.speaker, deque(maxlen=8)).append((number, turn))

    def live(self, text: str, ms: int) -> str:
        """Words that are still coming, as screens may show them."""
        return _stars(text, _runs(text, FEW if self.private(ms) else PHONE_DIGITS + 1))

    def _searched(self, turn: HeardTurn, ms: int) -> Taken:
        before = [kept for kept in self._kept.get(turn.speaker, ()) if kept[1].end >= turn.start - REMEMBERED_MS]
        turns = [*(kept for _, kept in before), turn]
        hit = _numbers([one.text for one in turns])
        if not hit:
            return Taken(turn=turn)
        self._automatically(ms)
        self._kept.pop(turn.speaker, None)
        last = len(turns) - 1
        return Taken(
            turn=starred(turn, hit.get(last, set())),
            earlier=[(before[n][0], starred(turns[n], places)) for n, places in hit.items() if n != last],
            blank=[_stretch(turns[n], places) for n, places in hit.items()],
        )


def masked(text: str) -> str:
    """A text with every card number in it starred: one that was recognised from a recording, an utterance a line."""
    lines = text.split("\n")
    hit = _numbers(lines)
    return "\n".join(_stars(line, hit.get(which, set())) for which, line in enumerate(lines))


def starred(turn: HeardTurn, places: set[int]) -> HeardTurn:
    """The utterance with stars at these places of its text, and in its words."""
    if not places:
        return turn
    words = []
    for word, start, end, sure, at in _placed(turn):
        inside = {place - at for place in places if at <= place < at + len(word)} if at >= 0 else set(range(len(word)))
        words.append((_stars(word, inside), start, end, sure))
    return replace(turn, text=_stars(turn.text, places), words=words)


def fits(digits: str) -> bool:
    """Whether the check digit of a card's number fits (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _numbers(texts: Sequence[str]) -> dict[int, set[int]]:
    """Where cards' numbers stand in one speaker's utterances, over several of them too: places by utterance."""
    hit: dict[int, set[int]] = {}
    for places in _together(texts):
        begins = [n for n, at in enumerate(places) if not n or at != (places[n - 1][0], places[n - 1][1] + 1)]
        digits = [DIGIT[texts[which][place]] for which, place in places]
        done = 0
        while found := _card(digits[done:], [n - done for n in begins if n >= done]):
            for which, place in places[done + found[0] : done + found[1]]:
                hit.setdefault(which, set()).add(place)
            done += found[1]
    return hit


def _together(texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
    """Digits that may belong to one number, as (utterance, place in it)."""
    digits: list[tuple[int, int]] = []
    apart = 0
    for which, text in enumerate(texts):
        for place, sign in enumerate(text):
            if not _is_digit(sign):
                apart += 1
                continue
            if apart > APART and digits:
                yield digits
                digits = []
            apart = 0
            digits.append((which, place))
    yield digits


def _card(digits: Sequence[str], begins: Sequence[int]) -> tuple[int, int] | None:
    """From where to where a card's number stands in these digits. It begins and ends where a run of digits does: of all
    stretches of a long run every tenth would fit."""
    text = "".join(digits)
    ends = {*begins[1:], len(text)}
    for start in begins:
        for length in LENGTHS:
            end = start + length
            if end in ends and NETWORKS.match(text, start) and fits(text[start:end]):
                return start, end
    return None


def _is_digit(sign: str) -> bool:
    return sign in _SPOKEN or (sign in DIGIT and DIGIT[sign] == sign) or "０" <= sign <= "９"


def _runs(text: str, least: int) -> set[int]:
    """The places of digits in runs of at least so many, small breaks passed over."""
    found: set[int] = set()
    run: list[int] = []
    for place, sign in enumerate([*text, *" " * 9]):
        if _is_digit(sign):
            run.append(place)
        elif run and place - run[-1] > 1:
            found |= set(run) if len(run) >= least else set()
            run = []
    return found


def _stars(text: str, places: set[int]) -> str:
    return "".join(STAR if place in places else sign for place, sign in enumerate(text))


def _placed(turn: HeardTurn) -> list[tuple[str, int, int, float, int]]:
    """Each word and where it begins in the text; -1 where it is not in it."""
    found, at = [], 0
    for word, start, end, sure in turn.words:
        place = turn.text.find(word, at)
        if place >= 0:
            at = place + len(word)
        found.append((word, start, end, sure, place))
    return found


def _stretch(turn: HeardTurn, places: set[int]) -> tuple[int, int]:
    """When these places of the text were spoken, with a margin for words' times are not exact."""
    times = [
        (start, end)
        for word, start, end, _, at in _placed(turn)
        if at < 0 or places.intersection(range(at, at + len(word)))
    ] or [(turn.start, turn.end)]
    return max(0, min(start for start, _ in times) - MARGIN_MS), max(end for _, end in times) + MARGIN_MS
