"""What stands around a ticket: files, customers, machines, users, the audit trail, search; and who sees it covered."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock, db
from core.blobs import DirectoryBlobs
from core.db import Database
from tests.support.desk import PASSWORD, customer, desk, draft, person
from ticketing import AuditEntry, Customer, Identity, Ticket, joining
from ticketing.api.files import disposition
from ticketing.drafts import NewEntry, add_message
from ticketing.workflow import move

WAV = b"RIFF" + bytes(range(256)) * 1200
SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def audited(action: str) -> list[AuditEntry]:
    with db.read() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def with_files(store: DirectoryBlobs) -> int:
    picture = {"name": "照片.jpg", "type": "image/jpeg", "size": 9, "blob": store.put(b"\xff\xd8\xff picture")}
    script = {"name": '../../a"\r\nX: y.svg', "type": "image/svg+xml", "size": 9, "blob": store.put(SCRIPT)}
    page = {"name": "x.html", "type": "text/html; charset=utf-8", "size": 9, "blob": store.put(b"<b>x</b>")}
    coming = {"name": "later.mp4", "type": "video/mp4", "size": 0, "blob": ""}
    return draft(attachments=[picture, script, page, coming], recording=store.put(WAV))


async def test_a_recording_goes_out_by_parts_and_is_audited_once_a_hearing(
    database: Database, blob_store: DirectoryBlobs
) -> None:
    ticket_id = with_files(blob_store)
    person("wang", "agent")
    person("zhou", "dispatcher")
    async with desk("wang") as wang, desk("zhou") as zhou:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        url = seen["entries"][0]["recording_url"].removeprefix("/api/v1")
        whole = await wang.raw(url)
        assert (whole.status, await whole.read()) == (200, WAV)
        assert whole.headers["Content-Type"] == "audio/wav"
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        for asked, part in (
            ("bytes=4-9", WAV[4:10]),
            ("bytes=-10", WAV[-10:]),
            ("bytes=100-", WAV[100:]),
            ("bytes=0-999999", WAV),
        ):
            response = await wang.raw(url, headers={"Range": asked})
            assert (response.status, await response.read()) == (206, part)
            assert response.headers["Content-Range"].endswith(f"/{len(WAV)}")
        assert (await wang.raw(url, headers={"Range": "bytes=999999-"})).status == 416
        nonsense = await wang.raw(url, headers={"Range": "pages=1-2"})
        assert (nonsense.status, await nonsense.read()) == (200, WAV)
        assert [(row.actor[:5], row.subject) for row in audited("recording.heard")] == [
            ("user:", f"ticket:{ticket_id}")
        ]
        _, seen = await zhou.get(f"/tickets/{ticket_id}")
        assert seen["entries"][0]["recording_url"] is None
        assert (await zhou.get(f"/tickets/{ticket_id}/recording"))[0] == 403
        silent = draft()
        assert (await wang.get(f"/tickets/{silent}/recording"))[0] == 404


async def test_attachments_are_saved_not_run(database: Database, blob_store: DirectoryBlobs) -> None:
    ticket_id = with_files(blob_store)
    person("wang", "agent")
    person("south", "agent", ["44"])
    async with desk("wang") as wang, desk("south") as south:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        urls = [a["url"] for a in seen["entries"][0]["attachments"]]
        assert urls[3] is None
        answers = [await wang.raw(url.removeprefix("/api/v1")) for url in urls[:3]]
        picture, script, page = (answer.headers for answer in answers)
        assert picture["Content-Type"] == "image/jpeg"
        assert picture["Content-Disposition"].startswith("inline; ")
        assert "filename*=UTF-8''%E7%85%A7%E7%89%87.jpg" in picture["Content-Disposition"]
        for headers in (script, page):
            assert headers["Content-Type"] == "application/octet-stream"
            assert headers["Content-Disposition"].startswith("attachment; ")
            assert "sandbox" in headers["Content-Security-Policy"]
            assert "X" not in headers
        assert await answers[1].read() == SCRIPT
        assert (await wang.get(urls[0].removeprefix("/api/v1")[:-1] + "3"))[0] == 404
        assert (await south.get(urls[0].removeprefix("/api/v1")))[0] == 404
        assert len(audited("attachment.seen")) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("C:\\x\\y.txt", "attachment; filename=\"y.txt\"; filename*=UTF-8''y.txt"),
        (
            'a"b\r\nSet-Cookie: x',
            "attachment; filename=\"a_b_Set-Cookie__x\"; filename*=UTF-8''a%22b%20Set-Cookie%3A%20x",
        ),
        ("..", "attachment; filename=\"file\"; filename*=UTF-8''file"),
        ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_a_name_somebody_chose_cannot_leave_its_header(name: str, expected: str) -> None:
    assert disposition("attachment", name) == expected


async def test_a_dispatcher_sees_everything_covered_until_he_says_why(any_database: Database) -> None:
    person("zhou", "dispatcher")
    ticket_id = draft(customer=customer(), place={"latitude": 39.9, "longitude": 116.4, "datum": "GCJ-02", "label": ""})
    async with desk("zhou") as zhou:
        _, seen = await zhou.get(f"/tickets/{ticket_id}")
        assert seen["masked"]
        assert "unmask" in seen["actions"]
        _, timeline = await zhou.get(f"/tickets/{ticket_id}/timeline")
        _, rows = await zhou.get("/tickets")
        for answer in (seen, timeline, rows):
            for secret in ("13912345678", "望京街9号", "望京西街", "39.9"):
                assert secret not in str(answer)
        assert seen["brief"]["phone"] == "139****5678"
        assert seen["customer"]["phone"] == "+86139****5678"
        assert seen["fields"][3]["resolved"]["details"] == {"code": "110105"}
        assert len(seen["entries"][0]["text"]) == len("空调不制冷，电话13912345678，地址北京市朝阳区望京街9号，我姓王")
        assert audited("ticket.seen") == []
        status, full = await zhou.send(f"/tickets/{ticket_id}/unmask", {"reason": "客户要改地址"})
        assert status == 200
        assert (full["phones"], full["addresses"]) == (["13912345678"], ["北京市朝阳区望京街9号"])
        assert full["customer"] == [{"kind": "phone", "value": "+8613912345678", "verified": True}]
        (look,) = audited("ticket.unmasked")
        assert (look.subject, look.details, look.address) == (
            f"ticket:{ticket_id}",
            {"reason": "客户要改地址"},
            "127.0.0.1",
        )


async def test_every_unmasked_look_is_in_the_trail_which_few_may_read(database: Database) -> None:
    wang = person("wang", "agent")
    person("boss", "manager")
    customer_id = customer()
    ticket_id = draft(customer=customer_id)
    async with desk("wang") as agent, desk("boss") as boss:
        for path in (f"/tickets/{ticket_id}", f"/tickets/{ticket_id}/timeline", f"/customers/{customer_id}"):
            assert "13912345678" in str((await agent.get(path))[1])
        assert (await agent.get("/audit"))[0] == 403
        status, trail = await boss.get("/audit", actor=f"user:{wang}")
        assert status == 200
        assert [(row["action"], row["subject"]) for row in trail["items"]] == [
            ("customer.seen", f"customer:{customer_id}"),
            ("ticket.seen", f"ticket:{ticket_id}"),
            ("ticket.seen", f"ticket:{ticket_id}"),
            ("sign_in", f"user:{wang}"),
        ]
        assert trail["items"][0]["actor_name"] == "wang 先生"
        _, first = await boss.get("/audit", limit=2)
        _, second = await boss.get("/audit", limit=2, cursor=first["next"])
        ids = [row["id"] for row in first["items"] + second["items"]]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == 4
        assert "13912345678" not in str((await boss.get("/audit", limit=200))[1])
        assert "13912345678" not in str((await boss.get(f"/customers/{customer_id}"))[1])


async def test_search_finds_what_people_remember(any_database: Database) -> None:
    person("wang", "agent")
    ticket_id = draft(customer=customer("李小龙", "+8613900001234"))
    other = draft(text="冰箱漏水", fields=(("device", "冰箱", None), ("serial", "SN-2211-0099", None)))
    with db.read() as session:
        number = session.get_one(Ticket, ticket_id).number
    async with desk("wang") as wang:
        for q, found in (
            (number, [ticket_id]),
            ("5678", [ticket_id]),
            ("139 1234 5678", [ticket_id]),
            ("1234", [ticket_id]),
            ("9123", []),
            ("678", []),
            ("小龙", [ticket_id]),
            ("望京街", [ticket_id]),
            ("空调 望京", [ticket_id]),
            ("空调 漏水", []),
            ("sn-2211", [other]),
            ("0099", [other]),
            ("%", []),
            ("_", []),
            ("", [other, ticket_id]),
        ):
            status, answer = await wang.get("/tickets", q=q)
            assert (status, [row["id"] for row in answer["items"]]) == (200, found), q
        _, answer = await wang.get("/customers", q="小龙")
        assert [row["phone"] for row in answer["items"]] == ["+86139****1234"]
        assert (await wang.get("/customers", q="1234"))[1]["items"]
        assert (await wang.get("/customers", q="9999"))[1]["items"] == []


async def test_pages_follow_each_other_in_every_order(any_database: Database) -> None:
    person("wang", "agent")
    made = [draft() for _ in range(7)]
    with db.write() as session:
        for number, ticket_id in enumerate(made):
            session.get_one(Ticket, ticket_id).priority = 1 + number % 3
    async with desk("wang") as wang:
        for sort, key in (("newest", lambda r: -r["id"]), ("oldest", lambda r: r["id"]), ("priority", None)):
            rows, cursor = [], ""
            for _ in range(4):
                _, page = await wang.get("/tickets", sort=sort, limit=2, cursor=cursor, total="true")
                assert page["total"] == 7
                rows += page["items"]
                cursor = page["next"]
                if cursor is None:
                    break
            assert sorted(row["id"] for row in rows) == made
            assert rows == sorted(rows, key=key or (lambda r: (r["priority"], r["id"])))
        _, counts = await wang.get("/tickets/counts")
        assert (counts["draft"], counts["open"]) == (7, 0)
        _, none = await wang.get("/tickets", state="open,assigned")
        assert none["items"] == []
        _, unassigned = await wang.get("/tickets", assignee=0, limit=1)
        assert len(unassigned["items"]) == 1


async def test_a_ticket_by_hand(any_database: Database) -> None:
    user_id = person("wang", "agent")
    async with desk("wang") as wang:
        status, made = await wang.send(
            "/tickets",
            {
                "service": "install",
                "text": "顾客在柜台：新买的热水器要装",
                "fields": {"device": "热水器", "phone": "13912345678"},
                "customer_id": customer(),
                "urgency": "high",
            },
        )
        assert (status, made["state"], made["channel"], made["priority"]) == (201, "draft", "desk", 2)
        assert made["reviewer"]["id"] == user_id
        assert made["brief"]["device"] == "热水器"
        assert "phone" not in made["missing"]
        assert made["entries"][0]["text"].startswith("顾客在柜台")
        for wrong in ({"service": "x"}, {"urgency": "x"}, {"customer_id": 9999}, {"fields": {"X": "y"}}):
            assert (await wang.send("/tickets", wrong))[0] in (404, 422)
        assert (await wang.get("/tickets", total="true"))[1]["total"] == 1


async def test_customers_and_machines_are_kept(any_database: Database) -> None:
    person("wang", "agent")
    customer_id = customer()
    with db.write() as session:
        joined = Customer(name="同一个人", joined_into=customer_id, created=clock.now())
        session.add(joined)
        session.flush()
        joined_id = joined.id
    async with desk("wang") as wang:
        status, changed = await wang.send(f"/customers/{joined_id}", {"level": "vip", "note": "怕狗"}, "PATCH")
        assert (status, changed["id"], changed["level"]) == (200, customer_id, "vip")
        machine = {"code": "AC-0001", "device": "空调", "customer_id": customer_id, "address": "北京市朝阳区望京街9号"}
        status, made = await wang.send("/assets", {**machine, "warranty_until": "2027-01-01T00:00:00+08:00"})
        assert (status, made["warranty_until"]) == (201, "2026-12-31T16:00:00Z")
        assert (await wang.send("/assets", machine))[0] == 409
        assert (await wang.send("/assets", {**machine, "code": "a b"}))[0] == 422
        assert (await wang.send("/assets", {**machine, "code": "n1", "installed": "2026-01-01T00:00:00"}))[0] == 422
        _, changed = await wang.send(f"/assets/{made['id']}", {"model": "KFR-35", "customer_id": None}, "PATCH")
        assert (changed["model"], changed["customer_id"], changed["device"]) == ("KFR-35", None, "空调")
        _, listed = await wang.get("/assets", q="kfr")
        assert [row["address"] for row in listed["items"]] == ["北京市朝阳区*****"]
        assert (await wang.get(f"/assets/{made['id']}"))[1]["address"] == "北京市朝阳区望京街9号"
        assert (await wang.get("/customers/9999"))[0] == (await wang.get("/assets/9999"))[0] == 404


async def test_one_person_is_proposed_joined_and_taken_apart(any_database: Database) -> None:
    person("wang", "agent")
    person("gong", "engineer")
    with db.write() as session:
        chat, call = Customer(name="王小姐", created=clock.now()), Customer(name="王", created=clock.now())
        session.add_all([chat, call])
        session.flush()
        joining.propose(session, chat, call, "the same telephone number")
        joining.propose(session, call, chat, "the same telephone number")
        first, second = chat.id, call.id
        session.add(Identity(customer=chat, kind="openid", value="o-wang", verified=True, created=clock.now()))
    ticket_id = draft(customer=first)
    async with desk("wang") as wang, desk("gong") as gong:
        assert (await gong.send(f"/customers/{first}/join", {"into": second}))[0] == 403
        proposed = (await wang.get(f"/customers/{first}"))[1]["perhaps_same"]
        assert proposed == [{"id": second, "name": "王", "because": "the same telephone number", "identities": []}]
        assert (await wang.get(f"/tickets/{ticket_id}"))[1]["perhaps_same"] == proposed
        status, joined = await wang.send(f"/customers/{first}/join", {"into": second})
        assert (status, joined["id"], joined["perhaps_same"]) == (200, second, [])
        found = (await wang.get(f"/customers/{first}"))[1]
        assert (found["id"], [row["id"] for row in found["joined"]]) == (second, [first])
        assert [identity["value"] for identity in found["joined"][0]["identities"]] == ["o-wang"]
        assert (await wang.get(f"/tickets/{ticket_id}"))[1]["perhaps_same"] == []
        assert (await wang.send(f"/customers/{first}/join", {"into": second}))[0] == 409
        assert (await wang.send(f"/customers/{second}/join", {"into": first}))[0] == 422
        assert (await wang.send(f"/customers/{second}/join", {"into": 9999}))[0] == 404
        status, apart = await wang.send(f"/customers/{first}/join", None, "DELETE")
        assert (status, apart["id"], len(apart["perhaps_same"])) == (200, first, 1)
        assert (await wang.send(f"/customers/{first}/join", None, "DELETE"))[0] == 409


async def test_users_are_made_changed_and_kept_from_locking_everyone_out(any_database: Database) -> None:
    root = person("root", "administrator")
    async with desk("root") as admin:
        new = {"login": "chen", "name": "陈工", "role": "engineer", "password": PASSWORD, "regions": ["11"]}
        status, chen = await admin.send("/users", new)
        assert (status, chen["regions"]) == (201, ["11"])
        assert "password" not in str(chen).lower()
        assert (await admin.send("/users", new))[0] == 409
        _, engineers = await admin.get("/users", role="engineer")
        assert [user["login"] for user in engineers["items"]] == ["chen"]
        async with desk("chen") as engineer:
            assert (await engineer.get("/session"))[0] == 200
            _, changed = await admin.send(f"/users/{chen['id']}", {"role": "dispatcher"}, "PATCH")
            assert changed["role"] == "dispatcher"
            assert (await engineer.get("/session"))[0] == 401
        for change in ({"active": False}, {"role": "agent"}):
            assert (await admin.send(f"/users/{root}", change, "PATCH"))[0] == 409
        status, key = await admin.send(f"/users/{chen['id']}/keys", {"label": "crm", "days": 30})
        assert status == 201
        bearer = {"Authorization": f"Bearer {key['token']}"}
        async with desk() as program:
            response = await program.raw("/session", headers=bearer)
            assert (await response.json())["user"]["login"] == "chen"
            with clock.using(clock.TurnableClock(clock.now() + timedelta(days=31))):
                assert (await program.raw("/session", headers=bearer)).status == 401
            assert (await admin.send(f"/users/{chen['id']}/keys", method="DELETE"))[0] == 200
            assert (await program.raw("/session", headers=bearer)).status == 401


async def test_forms_name_what_a_service_asks_for(database: Database) -> None:
    person("wang", "agent")
    async with desk("wang") as wang:
        _, forms = await wang.get("/forms")
        assert {"repair", "install", "maintain", "complaint", "enquiry", "return"} <= {
            form["service"] for form in forms["items"]
        }
        for form in forms["items"]:
            assert set(form["title"]) == {"zh", "en"}
            assert all(set(field["label"]) == {"zh", "en"} for field in form["fields"])
        _, repair = await wang.get("/forms/repair")
        assert {"phone", "address", "device", "fault"} <= {f["name"] for f in repair["fields"] if f["required"]}
        assert (await wang.get("/forms/nothing"))[0] == 404


def test_a_customers_answer_ends_the_waiting(any_database: Database) -> None:
    ticket_id = draft()
    with db.write() as session:
        ticket = session.get_one(Ticket, ticket_id)
        for step in ("confirm", "wait_customer"):
            move(session, ticket, step, "user:1")
        entry = NewEntry(message_id=uuid.uuid4().hex, channel="webform", text="是KFR-35", at=clock.now())
        add_message(session, ticket, entry)
        assert ticket.state == "open"
