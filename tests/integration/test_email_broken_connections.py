"""Clients that go away in the middle do not stop the inbox for the others."""

from __future__ import annotations

import asyncio
import contextlib

import intake
from core.db import Database
from tests.support.messages import message


async def test_the_inbox_survives_callers_that_go_away(database: Database) -> None:
    for _ in range(20):
        leaving = [asyncio.ensure_future(intake.accept(message())) for _ in range(20)]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        for task in leaving:
            with contextlib.suppress(asyncio.CancelledError):
                await task
    assert not (await asyncio.wait_for(intake.accept(message()), 5)).known
