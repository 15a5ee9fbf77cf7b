"""Agents' telephones: who may set them, whose turn it is, and that one is never taken twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import db
from core.clock import TurnableClock
from core.db import Database
from core.errors import InvalidInput
from tests.support.desk import desk, person
from ticketing import phones
from ticketing.tables import User


def telephone(login: str, address: str, state: str = "ready", role: str = "agent") -> int:
    user_id = person(login, role)
    with db.write() as session:
        phones.set_phone(session, session.get_one(User, user_id), address)
        phones.set_state(session, user_id, state)
    return user_id


async def test_who_sets_telephones_and_says_that_he_is_ready(database: Database) -> None:
    wang, li = person("wang", "agent"), person("li", "agent")
    person("boss", "manager")
    person("zhou", "dispatcher")
    async with desk("boss") as boss:
        assert (await boss.get("/phones"))[1]["items"] == []
        status, phone = await boss.send(f"/users/{wang}/phone", {"address": "8001"}, "PUT")
        assert (status, phone["state"], phone["address"]) == (200, "away", "8001")
        assert (await boss.send("/users/999/phone", {"address": "8001"}, "PUT"))[0] == 404
        for wrong in ("", "80 01", "http://x", "sip:a@b@c", "sip:x@h:port"):
            assert (await boss.send(f"/users/{wang}/phone", {"address": wrong}, "PUT"))[0] == 422, wrong
    async with desk("wang") as agent:
        assert (await agent.send(f"/users/{wang}/phone", {"address": "8002"}, "PUT"))[0] == 403
        assert (await agent.send(f"/users/{wang}/phone/state", {"state": "ready"}, "PUT"))[1]["state"] == "ready"
        assert (await agent.send(f"/users/{li}/phone/state", {"state": "ready"}, "PUT"))[0] == 403
        assert (await agent.get("/phones"))[1]["items"][0]["state"] == "ready"
    async with desk("li") as other:
        assert (await other.send(f"/users/{li}/phone/state", {"state": "ready"}, "PUT"))[0] == 404
    async with desk("zhou") as dispatcher:
        assert (await dispatcher.get("/phones"))[0] == 403
    async with desk("boss") as boss:
        assert (await boss.send(f"/users/{wang}/phone", method="DELETE"))[0] == 200
        assert (await boss.get("/phones"))[1]["items"] == []


def test_who_waited_longest_is_next_and_nobody_is_taken_twice(any_database: Database, turnable: TurnableClock) -> None:
    first = telephone("first", "8001")
    turnable.turn(by=timedelta(seconds=1))
    second = telephone("second", "sip:8002@192.0.2.9:5070")
    telephone("gone", "8003", "away")

    def following(*tried: int) -> int | None:
        with db.read() as session:
            phone = phones.free_phone(session, tried)
            return phone.user_id if phone else None

    assert following() == first
    assert following(first) == second
    assert following(first, second) == first  # all were tried: again from the beginning
    with db.write() as session:
        assert phones.take(session, first, "a" * 32)
        assert not phones.take(session, first, "b" * 32)
        assert phones.on_duty(session) == 2
    assert following() == second
    turnable.turn(by=timedelta(minutes=5))
    with db.write() as session:
        phones.let_go(session, "b" * 32)
        phones.let_go(session, "a" * 32, rest=timedelta(seconds=30))
    assert following(second) == second  # the first rests
    turnable.turn(by=timedelta(seconds=30))
    assert following() == second
    assert following(second) == first


def test_what_is_no_telephone_is_refused(database: Database) -> None:
    user_id = person("wang", "agent")
    with db.write() as session, pytest.raises(InvalidInput):
        phones.set_phone(session, session.get_one(User, user_id), "sip:8001@host;transport=tcp?Replaces=x")
