"""Roles, regions, passwords and tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core import clock, db
from core.db import Database
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, TooMany
from tests.support.desk import PASSWORD, draft, person
from ticketing import access, create_first_administrator, create_user, setup_code, signing_in, wants_first_administrator
from ticketing.access import Actor, actor_of
from ticketing.roles import PERMISSIONS, ROLES
from ticketing.tables import AuditEntry, SignIn, SignInAttempt, Ticket, User
from ticketing.users import set_password
from ticketing.workflow import TRANSITIONS, move


def actor(user_id: int) -> Actor:
    with db.read() as session:
        return actor_of(session.get_one(User, user_id))


def seen_by(user_id: int) -> set[int]:
    with db.read() as session:
        return set(session.scalars(select(Ticket.id).where(access.visible(actor(user_id)))))


def test_roles_hold_only_permissions_that_there_are_and_each_is_held() -> None:
    assert set().union(*ROLES.values()) == set(PERMISSIONS)
    assert {way.permission for way in TRANSITIONS.values()} <= set(PERMISSIONS)
    assert not any("user.write" in ROLES[role] for role in ("agent", "dispatcher", "engineer", "manager"))


def test_require_names_what_is_needed(database: Database) -> None:
    dispatcher = actor(person("zhou", "dispatcher"))
    access.require(dispatcher, "ticket.review", "ticket.assign")
    with pytest.raises(Forbidden) as refused:
        access.require(dispatcher, "ticket.review")
    assert refused.value.details == {"needs": ["ticket.review"]}


def test_regions_bound_what_is_seen(any_database: Database) -> None:
    beijing, unknown = draft(), draft(fields=(("device", "空调", None),))
    shenzhen = draft(fields=(("address", "深圳市南山区科技园1号", "440305"),))
    wildcard = draft(fields=(("address", "怪地方", "%"),))
    everyone, north = person("all", "agent"), person("north", "agent", ["11"])
    district, south = person("district", "agent", ["110105"]), person("south", "agent", ["44", "45"])
    assert seen_by(everyone) == {beijing, unknown, shenzhen, wildcard}
    assert seen_by(north) == seen_by(district) == {beijing, unknown}
    assert seen_by(south) == {shenzhen, unknown}
    with db.write() as session:
        session.get_one(Ticket, shenzhen).reviewer_id = north
    assert seen_by(north) == {beijing, unknown, shenzhen}
    with db.read() as session, pytest.raises(NotFound):
        access.check_visible(session, actor(south), beijing)


def test_an_engineer_sees_his_own_and_its_address_only_while_he_goes_there(any_database: Database) -> None:
    first, second = draft(), draft()
    chen, lin = person("chen", "engineer"), person("lin", "engineer", ["11"])
    with db.write() as session:
        for number, who in ((first, chen), (second, lin)):
            move(session, session.get_one(Ticket, number), "confirm", "user:1")
            move(session, session.get_one(Ticket, number), "assign", "dispatch", assignee=who)
    assert (seen_by(chen), seen_by(lin)) == ({first}, {second})
    with db.write() as session:
        ticket = session.get_one(Ticket, first)
        assert access.sees_personal(actor(chen), ticket)
        assert not access.sees_personal(actor(lin), ticket)
        for step in ("accept", "check_in", "complete"):
            move(session, ticket, step, f"user:{chen}")
        assert not access.sees_personal(actor(chen), ticket)


def test_a_session_lives_as_long_as_it_is_used_and_ends_in_time(
    any_database: Database, turnable: clock.TurnableClock
) -> None:
    person("wang", "agent")
    token, user = signing_in.sign_in("Wang ", PASSWORD, address="10.0.0.1")
    with db.read() as session:
        assert session.scalars(select(SignIn.token_hash)).one() != token
        assert token not in session.scalars(select(SignIn.token_hash)).one()
    for _ in range(5):
        turnable.turn(by=timedelta(hours=11))
        found = signing_in.find(token)
        assert found is not None
        assert (found.user.id, found.kind) == (user.id, "session")
    turnable.turn(by=timedelta(hours=13))
    assert signing_in.find(token) is None
    for wrong in ("", "x", token[:-1], token + "a", "х" * 43, "\ud800" * 30):
        assert signing_in.find(wrong) is None


def test_even_a_used_session_ends_one_day(database: Database, turnable: clock.TurnableClock) -> None:
    person("wang", "agent")
    token, _ = signing_in.sign_in("wang", PASSWORD)
    for _ in range(29 * 3):
        turnable.turn(by=timedelta(hours=8))
        assert signing_in.find(token) is not None
    turnable.turn(by=timedelta(days=1))
    assert signing_in.find(token) is None


def test_leaving_a_new_password_and_deactivation_end_sessions(database: Database) -> None:
    user_id = person("wang", "agent")
    first, _ = signing_in.sign_in("wang", PASSWORD)
    signing_in.sign_out(first)
    assert signing_in.find(first) is None
    second, _ = signing_in.sign_in("wang", PASSWORD)
    with db.write() as session:
        key = signing_in.make_key(session, session.get_one(User, user_id), "crm")
        set_password(session, session.get_one(User, user_id), "another good one", "user:1")
    assert signing_in.find(second) is None
    assert signing_in.find(key) is not None
    with db.write() as session:
        session.get_one(User, user_id).active = False
    assert signing_in.find(key) is None
    with pytest.raises(NotSignedIn):
        signing_in.sign_in("wang", "another good one")


def test_guessing_is_stopped_for_the_guesser_and_not_for_everyone(
    any_database: Database, turnable: clock.TurnableClock
) -> None:
    person("wang", "agent")
    for number in range(5):
        with pytest.raises(NotSignedIn):
            signing_in.sign_in("wang", f"guess number {number}", address="10.0.0.66")
    with pytest.raises(TooMany):
        signing_in.sign_in("wang", PASSWORD, address="10.0.0.66")
    signing_in.sign_in("wang", PASSWORD, address="10.0.0.1")
    with db.read() as session:
        failed = session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.failed")).all()
        assert [(row.subject, row.address) for row in failed] == [("login:wang", "10.0.0.66")] * 5
    turnable.turn(by=timedelta(minutes=16))
    signing_in.sign_in("wang", PASSWORD, address="10.0.0.66")
    with db.read() as session:
        assert session.scalars(select(SignInAttempt)).all() == []


def test_one_address_cannot_go_through_many_names(database: Database, turnable: clock.TurnableClock) -> None:
    with db.write() as session:
        for number in range(50):
            session.add(SignInAttempt(login=f"somebody{number}", address="10.0.0.66", at=clock.now()))
    with pytest.raises(TooMany):
        signing_in.attempt("wang", "10.0.0.66")
    signing_in.attempt("wang", "10.0.0.1")


def test_the_first_administrator_needs_the_code_and_there_is_only_one_first(any_database: Database) -> None:
    with db.write() as session:
        assert wants_first_administrator(session)
        for code in ("", "0" * 20, setup_code()[:10]):
            with pytest.raises(Forbidden):
                create_first_administrator(session, code=code, login="root", name="", password="good password")
        create_first_administrator(session, code=setup_code(), login="Root", name="", password="good password")
        assert not wants_first_administrator(session)
        with pytest.raises(Conflict):
            create_first_administrator(session, code=setup_code(), login="root2", name="", password="good password")
    assert signing_in.sign_in("root", "good password")[1].role == "administrator"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"login": "a"}, InvalidInput),
        ({"login": "王"}, InvalidInput),
        ({"login": "wang"}, Conflict),
        ({"role": "god"}, InvalidInput),
        ({"password": "short"}, InvalidInput),
        ({"password": "aaaaaaaaaaaa"}, InvalidInput),
        ({"password": "somebody.new", "login": "Somebody.New"}, InvalidInput),
        ({"password": "x" * 257}, InvalidInput),
        ({"language": "tlh"}, InvalidInput),
        ({"regions": ["110"]}, InvalidInput),
        ({"regions": ["11%"]}, InvalidInput),
    ],
)
def test_users_are_made_of_sensible_parts(database: Database, wrong: dict[str, object], error: type[Exception]) -> None:
    person("wang", "agent")
    good = {"login": "new.one", "name": "新人", "role": "agent", "password": "a good password"}
    with pytest.raises(error), db.write() as session:
        create_user(session, **{**good, **wrong})
    with db.read() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_passwords_are_argon2id_and_never_shown(database: Database) -> None:
    user_id = person("wang", "agent")
    with db.read() as session:
        user = session.get_one(User, user_id)
        assert user.password_hash is not None
        assert user.password_hash.startswith("$argon2id$")
        assert PASSWORD not in str([row.details for row in session.scalars(select(AuditEntry))])
    assert user.created > datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=3650)
