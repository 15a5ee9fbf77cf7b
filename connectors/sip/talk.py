"""The conversation of a call: ``intake.dialog`` decides what to say, here it gets ears, a voice and a clock.

Whatever goes wrong here, the call goes on being recorded and recognised.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

from asr import Partial
from connectors.sip.prompts import load, text_of
from connectors.sip.settings import SipSettings
from connectors.sip.speaker import Saying, speaker
from core import clock, db, log, settings
from intake import HeardTurn
from intake.dialog import (
    Heard,
    KnownCaller,
    Move,
    Script,
    State,
    fold,
    known_caller,
    load_script,
    next_move,
    ready,
    understood,
)

Voice = bytes  # 16 kHz mono s16le
BARGE_IN = 2  # characters of a partial that stop a prompt: a breath or a click is no word
END_PAUSE = 3.0  # s of quiet before we take our leave: 95 % of callers' pauses are shorter than 2.5 s
PAUSES = {"yesno": 0.15, "digits": 0.3, "address": 0.3}
logger = log.get(__name__)


class Line(Protocol):
    """What a conversation needs of its call."""

    @property
    def ms(self) -> int: ...

    @property
    def listens(self) -> bool: ...

    def say(self, voice: Voice) -> asyncio.Event: ...

    def hush(self) -> None: ...

    def hang_up(self, status: int = 0) -> None: ...

    async def expect(self, endpointing: str) -> None: ...

    async def note(self, turn: HeardTurn) -> HeardTurn: ...

    async def can_hand_over(self) -> bool: ...

    async def hand_over(self, *, urgent: bool) -> None: ...


@dataclass
class Quiet:
    """When the last thing happened, in the loop's seconds."""

    word: float = 0.0
    final: float = 0.0
    prompt: float = 0.0


class Talk:
    """Greets, listens, asks for what is missing, takes its leave. ``number``: the caller's, E.164, "" if withheld."""

    def __init__(self, line: Line, config: SipSettings, number: str) -> None:
        self._line, self._config, self._number = line, config, number
        self._script: Script | None = None if config.dialog == "none" else load_script(config.dialog)
        self._caller = KnownCaller()
        self._turns: list[Heard] = []
        self._state = State()
        self._speaker = speaker()
        self._move: Move | None = None
        self._playing: asyncio.Event | None = None
        self._saying: Saying | None = None  # what the next move reads back, begun
        self._feeding: asyncio.Task[bool] | None = None  # while it is being made and played
        self._quiet = Quiet()
        self._changed = asyncio.Event()
        self._danger = False
        self._left: int | None = None  # ms of the call at which the caller was left to people
        self._task: asyncio.Task[None] | None = None

    @property
    def expects(self) -> str:
        """The field that was asked for last."""
        return self._move.expects if self._move is not None else ""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def leave(self) -> None:
        """A person has the caller now: what he says from here on answers nothing that the dialog asked."""
        self._left = self._line.ms if self._left is None else self._left
        await self.stop()

    def facts(self) -> dict[str, Any]:
        """For the agent: how far the dialog came, what the caller confirmed, what was heard too badly to be believed."""
        state = self._state
        settled = {name: state.values.get(name, "") for name in state.settled}
        told = {"step": state.step, "confirmed": settled, "emergency": state.emergency, "unsure": sorted(state.unsure)}
        return {"dialog": told}

    async def conclude(self) -> None:
        """Takes in what was said last; once the call is over."""
        if self._script is not None and self._turns:
            with contextlib.suppress(Exception):  # without a language model nothing was understood before, either
                self._state = await self._understood(self._script)

    # What the call hears

    def hears(self, partial: Partial) -> None:
        """Somebody is speaking."""
        words = partial.text.replace(" ", "")
        if not words:
            return
        self._quiet.word = _now()
        if len(words) >= BARGE_IN:
            self._hush()
        if self._script is not None and not self._danger and self._script.is_danger(words):
            self._danger = True  # at once, not when the sentence is over
        self._changed.set()

    def heard(self, turn: HeardTurn) -> None:
        """An utterance is over, or digits were keyed in."""
        if self._left is not None and turn.end > self._left:
            return
        self._turns.append(
            Heard(
                speaker=turn.speaker,
                text=turn.text,
                step=turn.expects,
                keyed=turn.text.isdecimal() and not turn.words,
                words=[(text, confidence) for text, _, _, confidence in turn.words],
            )
        )
        self._quiet.word = self._quiet.final = _now()
        self._changed.set()

    def is_danger(self, words: str) -> bool:
        """Whether the dialog takes these words for danger."""
        return self._script is not None and self._script.is_danger(words)

    def pressed(self, digit: str) -> None:
        """A key: the caller is there, and the prompt can stop."""
        self._quiet.word = _now()
        self._hush()
        self._changed.set()

    def _hush(self) -> None:
        """Stops what is being said, and what would have been said after it."""
        if self._prompt_over():
            return
        if self._feeding is not None:
            self._feeding.cancel()
        self._line.hush()

    # Its life

    async def _run(self) -> None:
        try:
            await self._converse()
        except Exception:
            logger.exception("a dialog went wrong; the call goes on being recorded")

    async def _converse(self) -> None:
        script = self._script
        if script is None:
            return
        with contextlib.suppress(Exception):  # an unknown caller is greeted as one
            self._caller = await db.run(known_caller, self._number)
        greeting = script.greeting_known if self._caller.customer_id is not None else script.greeting
        if not script.is_open(clock.now(), settings.get(settings.CoreSettings).zone):
            greeting = script.out_of_hours
        await self._do(next_move(script, State(), greeting=greeting))
        try:
            await db.run(ready)
        except Exception:
            logger.exception("without a language model the dialog cannot ask; it listens")
            return
        while self._line.listens:
            silent = await self._our_turn(script)
            if not self._line.listens:
                return
            self._state = await self._understood(script)
            if self._state.over and silent:
                self._line.hang_up()
                return
            move = await self._next(script, silent=silent)
            if move is None or (move.ends and not silent and not await self._quiet_for(END_PAUSE)):
                continue
            word = self._quiet.word
            if not await self._do(move):
                self._speaker = None  # who failed once is not waited for again in this call
                if self._quiet.word != word:
                    continue  # what was said meanwhile comes first
                move = await self._next(script, silent=silent)
                if move is None or (move.ends and not await self._quiet_for(END_PAUSE)):
                    continue
                await self._do(move)
            if move.hands_over:
                await self._played()
                self._left = self._line.ms
                await self._line.hand_over(urgent=self._state.emergency)
                return
            if move.ends and await self._played():
                self._line.hang_up()
                return

    async def _people(self, script: Script) -> bool:
        """Whether there is somebody to hand over to: within opening hours, and one who takes calls."""
        if not script.through or not script.is_open(clock.now(), settings.get(settings.CoreSettings).zone):
            return False
        with contextlib.suppress(Exception):  # without an answer the dialog goes on alone
            return await self._line.can_hand_over()
        return False

    async def _understood(self, script: Script) -> State:
        known = {"phone": self._number} if self._number.startswith("+") else {}
        turns, fields = list(self._turns), [one.field for one in script.ask]
        found = await db.run(understood, turns, self._caller, fields)
        state = fold(script, turns, found.values, known, found.doubtful, found.impossible)
        state.emergency = state.emergency or self._danger
        return state

    async def _do(self, move: Move | None) -> bool:
        """Says it, and keeps that it was said. Whether that could be done: what is read back may break off."""
        if move is None:
            return True
        self._move = move
        value = move.value if move.value.isdecimal() else f"「{move.value}」"
        text = "".join(value if name == "{value}" else text_of(name) for name in move.say)
        self._turns.append(Heard(speaker="system", text=text, step=move.step))
        self._state.step = move.step
        at = self._line.ms
        await self._line.note(HeardTurn(speaker="system", text=text, expects=move.step, start=at, end=at))
        await self._line.expect(move.endpointing)
        saying, self._saying = self._saying, None
        self._quiet.prompt = _now()
        self._quiet.final = 0.0
        if saying is None:
            names = [f"digit_{digit}" for digit in move.value]
            self._play(*(each for name in move.say for each in (names if name == "{value}" else [name])))
            return True
        feeding = self._feeding = asyncio.create_task(self._feed(move, saying))
        try:
            await asyncio.wait({feeding})
            return feeding.cancelled() or feeding.result()  # cancelled: the caller spoke into it
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})
            self._feeding = None
            await saying.close()

    async def _feed(self, move: Move, saying: Saying) -> bool:
        """Plays what comes before the value, each piece of it as soon as it is made, and what comes after it."""
        at = move.say.index("{value}")
        self._play(*move.say[:at])
        while piece := await saying.more():
            self._sound(piece)
        if saying.whole:
            self._play(*move.say[at + 1 :])
        return saying.whole

    def _play(self, *names: str) -> None:
        self._sound(b"".join(load(name, self._config) for name in names))

    def _sound(self, voice: Voice) -> None:
        self._playing = self._line.say(voice) if voice else self._playing
        self._quiet.prompt = max(self._quiet.prompt, _now()) + len(voice) / 32_000

    async def _next(self, script: Script, *, silent: bool) -> Move | None:
        people = await self._people(script)
        move = next_move(script, self._state, silent=silent, people=people, speaks=self._speaker is not None)
        if self._speaker is None or move is None or not move.value:
            return move
        if move.value.isdecimal() and not self._speaker.numbers:
            return move
        word, saying = self._quiet.word, Saying(self._speaker, move.value)
        begins = await self._begins(saying)
        if begins and self._quiet.word == word:
            self._saying = saying
            return move
        await saying.close()
        if begins or self._alarmed:
            return None  # he went on speaking meanwhile
        self._speaker = None
        return next_move(script, self._state, silent=silent, people=people)

    async def _begins(self, saying: Saying) -> bool:
        """Whether there is something to hear; not waited for when danger is spoken of."""
        first = asyncio.create_task(saying.begins())
        first.add_done_callback(lambda _: self._changed.set())
        try:
            while not first.done() and not self._alarmed:
                self._changed.clear()
                await self._changed.wait()
            return first.done() and first.result()
        finally:
            first.cancel()
            await asyncio.wait({first})

    async def _our_turn(self, script: Script) -> bool:
        """Waits until the caller has said what he wanted; whether he said nothing instead."""
        pause = PAUSES.get(self._move.endpointing if self._move else "", script.pause)
        while True:
            self._changed.clear()
            now = _now()
            if self._alarmed:
                return False
            if self._quiet.final and now - self._quiet.word >= pause:
                return False
            spoken = max(self._quiet.word, min(self._quiet.prompt, now) if self._prompt_over() else now)
            if not self._quiet.final and now - spoken >= script.silence:
                return True
            until = (self._quiet.word + pause) if self._quiet.final else (spoken + script.silence)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(0.02, min(1.0, until - now)))
            if not self._line.listens:
                return True

    @property
    def _alarmed(self) -> bool:
        """Whether danger was spoken of and the dialog does not know it yet."""
        return self._danger and not self._state.emergency

    def _prompt_over(self) -> bool:
        return self._feeding is None and (self._playing is None or self._playing.is_set())

    async def _quiet_for(self, seconds: float) -> bool:
        """Whether nothing is said until the caller has been quiet for so long."""
        before = self._quiet.word
        while (left := self._quiet.word + seconds - _now()) > 0:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
            if self._quiet.word != before:
                return False
        return True

    async def _played(self) -> bool:
        """Whether the prompt was heard to its end; a caller who speaks into it is listened to."""
        before = self._quiet.word
        if self._playing is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._playing.wait(), 30)
        return self._quiet.word == before


def _now() -> float:
    return asyncio.get_running_loop().time()
