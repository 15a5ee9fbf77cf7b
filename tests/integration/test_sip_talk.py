"""The conversation alone, with a line of the test's own: what counts as an answer, and what does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from asr import Partial
from connectors.sip.settings import SipSettings
from connectors.sip.talk import Talk
from core import settings
from intake import HeardTurn
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords
from tests.support.sip import eventually
from tts import NotSpoken

pytestmark = pytest.mark.usefixtures("database")
ADDRESS = "丈八东路"
PIECE = bytes(3200)  # 0.1 s


class Line:
    """A call of which only the clock and what was asked of it are real. Prompts are heard at once."""

    def __init__(self, *, people: bool = False) -> None:
        self.steps: list[tuple[str, float]] = []
        self.ms = 0
        self.listens = True
        self.handed_over = False
        self._people = people

    def say(self, voice: bytes) -> asyncio.Event:
        heard = asyncio.Event()
        heard.set()
        return heard

    def hush(self) -> None: ...

    def hang_up(self, status: int = 0) -> None:
        self.listens = False

    async def expect(self, endpointing: str) -> None: ...

    async def note(self, turn: HeardTurn) -> HeardTurn:
        self.steps.append((turn.expects, asyncio.get_running_loop().time()))
        return turn

    async def can_hand_over(self) -> bool:
        return self._people

    async def hand_over(self, *, urgent: bool) -> None:
        self.handed_over = True

    @property
    def said(self) -> list[str]:
        return [step for step, _ in self.steps]


class Speaker:
    """Says one piece, then waits for ``go``; ``first`` holds the first one. ``broken``: it breaks off there."""

    numbers = False

    def __init__(self, *, broken: bool = False) -> None:
        self.first, self.go = asyncio.Event(), asyncio.Event()
        self.first.set()
        self.asked = self.closed = False
        self._broken = broken

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        self.asked = True
        try:
            await self.first.wait()
            yield PIECE
            await self.go.wait()
            if self._broken:
                raise NotSpoken("broken")
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def understander() -> Iterator[None]:
    use(KnowsFourWords())
    yield
    use(None)


def says(talk: Talk, line: Line, text: str, seconds: float = 0.5) -> None:
    """An utterance that begins and ends now."""
    begin, line.ms = line.ms, line.ms + int(seconds * 1000)
    talk.hears(Partial(text=text, at=line.ms))
    talk.heard(HeardTurn(speaker="customer", text=text, expects=talk.expects, start=begin, end=line.ms))


async def begun(line: Line, speaker: Speaker | None) -> Talk:
    """The caller has said everything but where he is called back: that is known from the line."""
    talk = Talk(line, settings.get(SipSettings), "+8613900001234")
    talk._speaker = speaker
    talk.start()
    await eventually(lambda: line.said == ["open"])
    says(talk, line, "空调不制冷在丈八东路")
    return talk


async def read_back(line: Line, speaker: Speaker) -> Talk:
    talk = await begun(line, speaker)
    await eventually(lambda: line.said[-1:] == ["read_back.address"])
    return talk


def ended(talk: Talk) -> dict[str, object]:
    found: dict[str, object] = talk.facts()["dialog"]
    return found


@pytest.mark.parametrize("answer", ["对的", "没有"])
async def test_what_is_said_to_an_agent_is_no_answer_to_the_dialog(answer: str) -> None:
    line = Line()
    talk = await read_back(line, Speaker())
    await talk.leave()  # an agent takes the call
    says(talk, line, answer)
    await talk.stop()
    await talk.conclude()
    assert (ended(talk)["confirmed"], ended(talk)["unsure"]) == ({"phone": "+8613900001234"}, ["address"])


async def test_what_is_said_after_a_hand_over_is_not_the_dialogs() -> None:
    line = Line(people=True)
    talk = await read_back(line, Speaker())
    says(talk, line, "转人工")
    await eventually(lambda: line.handed_over)
    says(talk, line, "在北大街的空调不制冷丈八东路")
    await talk.stop()
    await talk.conclude()
    assert ended(talk)["step"] == "hand_over"
    assert len([turn for turn in talk._turns if turn.speaker == "customer"]) == 2


@pytest.mark.parametrize("how", ["hangs up", "is taken"])
async def test_what_was_said_before_the_end_counts_though_it_is_recognised_after_it(how: str) -> None:
    line = Line()
    talk = await read_back(line, Speaker())
    line.ms += 2000
    if how == "is taken":
        await talk.leave()
    await talk.stop()
    talk.heard(HeardTurn(speaker="customer", text="对的", start=line.ms - 900, end=line.ms - 100))
    await talk.conclude()
    assert ended(talk)["confirmed"] == {"phone": "+8613900001234", "address": ADDRESS}


async def test_danger_does_not_wait_for_a_voice() -> None:
    line, speaker = Line(), Speaker()
    speaker.first.clear()
    talk = await begun(line, speaker)
    await eventually(lambda: speaker.asked)
    talk.hears(Partial(text="着火了快来", at=line.ms))
    await eventually(lambda: line.said[-1:] == ["emergency"], 1.5)
    assert line.said == ["open", "emergency"]
    assert speaker.closed
    await talk.stop()


@pytest.mark.parametrize(
    ("answer", "following"),
    [("错", "address"), ("对", "end.complete"), ("", "end.complete")],
    ids=["no", "yes", "nothing"],
)
async def test_a_short_answer_into_a_voice_that_breaks_off_counts(answer: str, following: str) -> None:
    line, speaker = Line(), Speaker(broken=True)
    talk = await read_back(line, speaker)
    if answer:
        says(talk, line, answer)
    word = talk._quiet.word
    speaker.go.set()
    await eventually(lambda: len(line.said) == 3, 6)
    assert line.said == ["open", "read_back.address", following]
    if following == "end.complete":
        assert line.steps[-1][1] - word >= 2.9  # s: there was time to say more
    await talk.stop()
    await talk.conclude()
    confirmed = ended(talk)["confirmed"]
    assert isinstance(confirmed, dict)
    assert confirmed.get("address") == (ADDRESS if answer == "对" else None)
