"""A draft's way over the API: seen, claimed, corrected, confirmed, undone; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock, db
from core.db import Database
from tests.support.desk import customer, desk, draft, person
from ticketing import AuditEntry, Event, Notice, Ticket, TicketField, User
from ticketing.corrections import corrections, resolve_with
from ticketing.workflow import move


@pytest.fixture
def people(any_database: Database) -> dict[str, int]:
    return {"wang": person("wang", "agent"), "li": person("li", "agent"), "zhou": person("zhou", "dispatcher")}


async def test_a_draft_becomes_a_ticket_with_corrections_kept_beside(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang:
        status, seen = await wang.get(f"/tickets/{ticket_id}")
        assert status == 200
        assert seen["state"] == "draft"
        assert {"claim", "confirm", "discard", "fields", "note"} <= set(seen["actions"])
        fields = {field["name"]: field for field in seen["fields"]}
        text = seen["entries"][0]["text"]
        assert text[fields["address"]["start"] : fields["address"]["end"]] == "北京市朝阳区望京街9号"
        assert fields["phone"]["label"]["zh"] == "联系电话"

        status, claimed = await wang.send(f"/tickets/{ticket_id}/claim")
        assert (status, claimed["reviewer"]["id"]) == (200, people["wang"])
        status, opened = await wang.send(
            f"/tickets/{ticket_id}/confirm",
            {
                "version": claimed["version"],
                "fields": {"device": "中央空调", "brand": "格力", "contact_name": None},
                "urgency": "high",
            },
        )
        assert (status, opened["state"], opened["priority"]) == (200, "open", 2)
        fields = {field["name"]: field for field in opened["fields"]}
        assert (fields["device"]["value"], fields["device"]["current"]) == ("空调", "中央空调")
        assert fields["device"]["corrected_by"]["id"] == people["wang"]
        assert (fields["brand"]["current"], fields["brand"]["component"]) == ("格力", "agent")
        assert fields["contact_name"]["removed"]
        assert "contact_name" not in opened["brief"]

        status, again = await wang.send(f"/tickets/{ticket_id}/undo-confirm", {"version": opened["version"]})
        assert (status, again["state"]) == (200, "draft")
        status, items = await wang.get(f"/tickets/{ticket_id}/timeline")
        kinds = [item["kind"] for item in items["items"]]
        assert [k for k in kinds if not k.startswith("ticket.field")] == [
            "entry.message",
            "ticket.drafted",
            "ticket.claimed",
            "ticket.priority_changed",
            "ticket.confirmed",
            "ticket.unconfirmed",
        ]
        assert kinds.count("ticket.field_corrected") == 3


async def test_only_one_agent_reviews_and_only_for_so_long(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang, desk("li") as li:
        assert (await wang.send(f"/tickets/{ticket_id}/claim"))[0] == 200
        for step, body in (("claim", {}), ("release", {}), ("confirm", {"version": 2})):
            status, refusal = await li.send(f"/tickets/{ticket_id}/{step}", body)
            assert (status, refusal["details"]["reviewer"]) == (409, people["wang"])
        later = clock.now() + timedelta(minutes=20)
        with clock.using(clock.TurnableClock(later)):
            status, taken = await li.send(f"/tickets/{ticket_id}/claim")
            assert (status, taken["reviewer"]["id"]) == (200, people["li"])


async def test_a_stale_version_changes_nothing(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        body = {"version": seen["version"], "fields": {"device": "冰箱"}}
        assert (await wang.send(f"/tickets/{ticket_id}/fields", body, "PATCH"))[0] == 200
        status, refusal = await wang.send(f"/tickets/{ticket_id}/confirm", {**body, "fields": {"device": "电视"}})
        assert (status, refusal["error"]) == (409, "conflict")
        assert refusal["details"]["version"] > seen["version"]
        _, now = await wang.get(f"/tickets/{ticket_id}")
        assert (now["state"], now["brief"]["device"]) == ("draft", "冰箱")


async def test_missing_required_fields_stop_a_confirmation_unless_it_is_said(people: dict[str, int]) -> None:
    ticket_id = draft(text="空调坏了", fields=(("device", "空调", None),))
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        assert seen["missing"] == ["phone", "address", "fault"]
        body = {"version": seen["version"], "fields": {"fault": "不转", "phone": "010-6234 5678"}}
        status, refusal = await wang.send(f"/tickets/{ticket_id}/confirm", body)
        assert (status, refusal["details"]["missing"]) == (422, ["address"])
        _, unchanged = await wang.get(f"/tickets/{ticket_id}")
        assert "fault" not in unchanged["brief"]
        status, opened = await wang.send(f"/tickets/{ticket_id}/confirm", {**body, "incomplete": True})
        assert (status, opened["state"], opened["missing"]) == (200, "open", ["address"])
        assert opened["brief"]["phone"] == "010-62345678"


async def test_undo_has_an_end(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        _, opened = await wang.send(f"/tickets/{ticket_id}/confirm", {"version": seen["version"]})
        assert "undo-confirm" in opened["actions"]
        with clock.using(clock.TurnableClock(clock.now() + timedelta(minutes=11))):
            _, later = await wang.get(f"/tickets/{ticket_id}")
            assert "undo-confirm" not in later["actions"]
            assert (await wang.send(f"/tickets/{ticket_id}/undo-confirm"))[0] == 409


async def test_discard_restore_cancel_reopen_and_resolve(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang:
        path = f"/tickets/{ticket_id}"
        assert (await wang.send(f"{path}/discard", {}))[0] == 422
        status, gone = await wang.send(f"{path}/discard", {"reason": "打错了"})
        assert (status, gone["state"], gone["reason"]) == (200, "discarded", "打错了")
        assert (await wang.send(f"{path}/confirm", {"version": gone["version"]}))[0] == 409
        _, back = await wang.send(f"{path}/restore")
        assert (back["state"], back["reason"]) == ("draft", "")
        _, opened = await wang.send(f"{path}/confirm", {"version": back["version"]})
        _, cancelled = await wang.send(f"{path}/cancel", {"reason": "自己修好了"})
        assert cancelled["state"] == "cancelled"
        _, opened = await wang.send(f"{path}/reopen", {"reason": "又坏了"})
        assert opened["state"] == "open"
        _, closed = await wang.send(f"{path}/resolve", {"reason": "电话里解决"})
        assert (closed["state"], closed["closed"] is not None) == ("closed", True)


async def test_merging_shows_both_stories_and_loses_none(people: dict[str, int]) -> None:
    first, second = draft(), draft(text="再说一次：空调不制冷，13912345678")
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{second}")
        assert [d["id"] for d in seen["duplicates"]] == [first]
        assert (await wang.send(f"/tickets/{second}/merge", {"into": second}))[0] == 422
        status, merged = await wang.send(f"/tickets/{second}/merge", {"into": first, "reason": "同一件事"})
        assert (status, merged["state"], merged["merged_into"]) == (200, "merged", first)
        _, both = await wang.get(f"/tickets/{first}")
        assert both["merged"] == [second]
        assert [entry["ticket_id"] for entry in both["entries"]] == [first, second]
        assert (await wang.send(f"/tickets/{first}/merge", {"into": second}))[0] == 409
        _, apart = await wang.send(f"/tickets/{second}/unmerge")
        assert (apart["state"], apart["merged_into"]) == ("draft", None)
        _, alone = await wang.get(f"/tickets/{first}")
        assert len(alone["entries"]) == 1


async def test_asking_back_writes_a_notice_and_lets_an_open_ticket_wait(people: dict[str, int]) -> None:
    ticket_id = draft(customer=customer())
    nobody = draft()
    async with desk("wang") as wang:
        assert (await wang.send(f"/tickets/{nobody}/ask", {"text": "型号？"}))[0] == 409
        status, asked = await wang.send(f"/tickets/{ticket_id}/ask", {"text": "请问型号是多少？"})
        assert (status, asked["state"]) == (200, "draft")
        await wang.send(f"/tickets/{ticket_id}/confirm", {"version": asked["version"]})
        _, waiting = await wang.send(f"/tickets/{ticket_id}/ask", {"text": "方便的时间？"})
        assert waiting["state"] == "waiting"
        assert [e["delivery"] for e in waiting["entries"]] == ["", "waiting", "waiting"]
        _, resumed = await wang.send(f"/tickets/{ticket_id}/resume")
        assert resumed["state"] == "open"
        _, noted = await wang.send(f"/tickets/{ticket_id}/note", {"text": "老客户"})
        assert noted["entries"][-1]["kind"] == "note"
    with db.read() as session:
        notices = session.scalars(select(Notice).order_by(Notice.id)).all()
        assert [(n.purpose, n.text) for n in notices] == [("ask", "请问型号是多少？"), ("ask", "方便的时间？")]
        assert all(notice.channels == ["webform"] for notice in notices)


async def test_roles_are_kept_apart(people: dict[str, int]) -> None:
    ticket_id = draft()
    person("gong", "engineer")
    async with desk("zhou") as zhou, desk("gong") as gong:
        status, refusal = await zhou.send(f"/tickets/{ticket_id}/confirm", {"version": 1})
        assert (status, refusal["error"]) == (403, "forbidden")
        assert (await gong.get(f"/tickets/{ticket_id}"))[0] == 404
        assert (await gong.send(f"/tickets/{ticket_id}/claim"))[0] == 403
        assert (await gong.get("/tickets"))[1]["items"] == []


async def test_a_chosen_candidate_and_a_typed_address_both_get_their_meaning(people: dict[str, int]) -> None:
    ticket_id = draft()
    resolve_with(lambda name, value: {"value": value, "score": 1.0, "details": {"code": "310101"}})
    try:
        async with desk("wang") as wang:
            path = f"/tickets/{ticket_id}/fields"
            _, seen = await wang.get(f"/tickets/{ticket_id}")
            for value, code in (("北京市朝阳区望京西街9号", "110105"), ("上海市黄浦区人民路1号", "310101")):
                _, seen = await wang.send(path, {"version": seen["version"], "fields": {"address": value}}, "PATCH")
                field = next(f for f in seen["fields"] if f["name"] == "address")
                assert field["resolved"]["value"] == value
                assert field["resolved"]["details"]["code"] == code
                assert field["value"] == "北京市朝阳区望京街9号"
    finally:
        resolve_with(None)


async def test_a_corrected_address_may_lead_out_of_ones_own_region(people: dict[str, int]) -> None:
    person("north", "agent", ["11"])
    ticket_id = draft()
    resolve_with(lambda name, value: {"value": value, "score": 1.0, "details": {"code": "310101"}})
    try:
        async with desk("north") as north:
            body = {"version": 1, "fields": {"address": "上海市黄浦区人民路1号"}}
            status, changed = await north.send(f"/tickets/{ticket_id}/fields", body, "PATCH")
            assert (status, changed["brief"]["address"]) == (200, "上海市黄浦区人民路1号")
            assert (await north.get(f"/tickets/{ticket_id}"))[0] == 404
    finally:
        resolve_with(None)


async def test_two_fields_of_one_name_are_corrected_by_their_id(people: dict[str, int]) -> None:
    ticket_id = draft(fields=(("fault", "漏水", None), ("fault", "异响", None)))
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        second = seen["fields"][1]["id"]
        body = {"version": seen["version"], "fields": {f"#{second}": "嗡嗡响"}}
        _, changed = await wang.send(f"/tickets/{ticket_id}/fields", body, "PATCH")
        assert [f["current"] for f in changed["fields"]] == ["漏水", "嗡嗡响"]
        body = {"version": changed["version"], "fields": {"#999999": "x"}}
        assert (await wang.send(f"/tickets/{ticket_id}/fields", body, "PATCH"))[0] == 404


async def test_corrections_come_back_as_examples(people: dict[str, int]) -> None:
    ticket_id, untouched = draft(), draft()
    async with desk("wang") as wang:
        for number, fields in ((ticket_id, {"device": "柜机", "contact_name": None, "brand": "我姓"}), (untouched, {})):
            _, seen = await wang.get(f"/tickets/{number}")
            await wang.send(f"/tickets/{number}/confirm", {"version": seen["version"], "fields": fields})
    with db.read() as session:
        (example,) = list(corrections(session))
        assert len(list(corrections(session, only_changed=False))) == 2
    fields = {field.name: field for field in example.fields}
    assert (fields["device"].found, fields["device"].value) == ("空调", "柜机")
    assert example.text[fields["device"].start : fields["device"].end] == "空调"
    assert fields["contact_name"].removed
    assert (fields["brand"].missed, fields["brand"].surface) == (True, "我姓")


async def test_every_change_is_an_event_by_the_one_who_did_it(people: dict[str, int]) -> None:
    ticket_id = draft()
    async with desk("wang") as wang:
        await wang.send(f"/tickets/{ticket_id}/confirm", {"version": 1, "fields": {"device": "柜机"}})
        person("chen", "engineer")
    with db.write() as session:
        engineer = session.scalars(select(User).where(User.login == "chen")).one()
        move(session, session.get_one(Ticket, ticket_id), "assign", "dispatch", assignee=engineer.id, reason="近")
    with db.read() as session:
        actors = session.execute(select(Event.kind, Event.actor).order_by(Event.id)).all()
        assert ("ticket.field_corrected", f"user:{people['wang']}") in [tuple(row) for row in actors]
        assert tuple(actors[-1]) == ("ticket.assigned", "dispatch")
        field = session.scalars(select(TicketField).where(TicketField.name == "device")).one()
        assert (field.value, field.corrected_value, field.corrected_by) == ("空调", "柜机", people["wang"])
        seen = session.scalars(select(AuditEntry).where(AuditEntry.action == "ticket.seen")).all()
        assert {row.subject for row in seen} == {f"ticket:{ticket_id}"}
