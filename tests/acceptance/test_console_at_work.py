"""The console in a real browser on the real system: reviewing at a desk, visiting with a telephone, in both languages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from tests.support.browser import PASSWORD, add_user, browsing, chromium, sign_in, window
from tests.support.system import RunningSystem, running_system, until
from ticketing import Event, Ticket

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("console"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    chromium()
    with running_system(tmp_path_factory.mktemp("console") / "var") as running:
        add_user(running, "lin", "agent", "林小满")
        add_user(running, "gu", "administrator", "顾明")
        add_user(running, "wu", "dispatcher", "吴调度")
        add_user(running, "he", "engineer", "何师傅")
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def send_form(system: RunningSystem, device: str, fault: str, **more: str) -> int:
    """Sends the public form and waits for its draft."""
    inputs = {"contact_name": "周敏", "phone": "13800138000", "address": "北京市海淀区中关村南大街5号", **more}
    system.send_form(device=device, fault=fault, **inputs).raise_for_status()
    return drafted(system, device)


def drafted(system: RunningSystem, device: str) -> int:
    """The draft about this device, once it is there."""
    found: list[int] = []

    def there() -> bool:
        with system.read() as session:
            tickets = session.scalars(select(Ticket).where(Ticket.state == "draft").order_by(Ticket.id.desc()))
            found[:] = [t.id for t in tickets if t.value("device") == device]
        return bool(found)

    until(there, 60, "the draft")
    return found[0]


def field(page: Page, name: str) -> str:
    return page.input_value(f"#input-{name}")


def ticket(system: RunningSystem, ticket_id: int) -> tuple[str, dict[str, tuple[str, str | None]]]:
    """State, and field name to (the machine's value, the agent's)."""
    with system.read() as session:
        row = session.get_one(Ticket, ticket_id)
        return row.state, {f.name: (f.value, f.corrected_value) for f in row.fields if not f.removed}


def test_a_draft_appears_live_and_is_corrected_confirmed_and_undone(system: RunningSystem, browser: Browser) -> None:
    with window(browser, system) as page:
        sign_in(page, "lin")
        expect(page.locator("h1")).to_have_text("待审草稿")
        expect(page.locator(".live")).to_contain_text("实时更新")
        # No reading of the page again from here on: the draft has to come by itself.
        text = "你好，我家空调不制冷，地址北京市海淀区中关村南大街5号，电话13800138000"
        system.send_wechat("o-console", 4_100_001, text).raise_for_status()
        draft = drafted(system, "空调")
        page.locator(f"[data-test=draft][data-id='{draft}']").click()

        assert field(page, "phone") == "13800138000"
        assert field(page, "device") == "空调"
        expect(page.locator("mark[data-field=phone]").first).to_contain_text("13800138000")
        page.locator("mark[data-field=device]").first.click()
        expect(page.locator("#input-device")).to_be_focused()
        expect(page.locator("[data-test=field-device]")).to_have_class(re.compile(r"\bselected\b"))

        page.fill("#input-device", "中央空调")
        expect(page.locator("[data-test=field-device] [data-test=machine]")).to_contain_text("空调")
        page.keyboard.press("Control+Enter")
        page.click("[data-test=to-ticket]")

        expect(page.locator("[data-test=state]")).to_have_text("待派工")
        timeline = page.locator("[data-test=timeline]")
        expect(timeline.locator("[data-kind='ticket.confirmed']")).to_contain_text("确认为工单")
        expect(timeline.locator("[data-kind='ticket.confirmed']")).to_contain_text("林小满")
        expect(timeline.locator("[data-kind='ticket.field_corrected']")).to_contain_text("空调 → 中央空调")
        state, fields = ticket(system, draft)
        assert state == "open"
        assert fields["device"] == ("空调", "中央空调")

        page.click("[data-test=act-undo-confirm]")
        expect(page.locator("[data-test=state]")).to_have_text("待审")
        assert ticket(system, draft)[0] == "draft"


def test_the_other_language_and_signing_out(system: RunningSystem, browser: Browser) -> None:
    with window(browser, system) as page:
        page.click("[data-test=language]")
        expect(page.locator("h1")).to_have_text("Sign in")
        sign_in(page, "lin")
        expect(page.locator("h1")).to_have_text("Drafts to review")
        page.reload()
        expect(page.locator("h1")).to_have_text("Drafts to review")
        page.click("[data-test=language]")
        expect(page.locator("h1")).to_have_text("待审草稿")
        page.click("[data-test=sign-out]")
        expect(page.locator("#login")).to_be_visible()
        page.goto(f"{system.web}/console/#/drafts")
        page.reload()
        expect(page.locator("#login")).to_be_visible()


def test_a_wrong_password_is_refused_in_words(system: RunningSystem, browser: Browser) -> None:
    with window(browser, system) as page:
        sign_in(page, "lin", PASSWORD + "x")
        expect(page.locator("[data-test=problem]")).to_contain_text("用户名或密码不对")
        assert page.input_value("#password") == ""
        sign_in(page, "lin")
        expect(page.locator("h1")).to_have_text("待审草稿")


def test_script_in_a_form_is_shown_not_run(system: RunningSystem, browser: Browser) -> None:
    hostile = "不制冷<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>{{7*7}}"
    draft = send_form(system, "冰箱", hostile, contact_name="<b>周敏</b>")
    with window(browser, system) as page:
        sign_in(page, "lin")
        page.locator(f"[data-test=draft][data-id='{draft}']").click()
        entry = page.locator("[data-test=entry]").first
        expect(entry).to_contain_text("<script>document.title='run'</script>{{7*7}}")
        assert entry.locator("script, img, b").count() == 0
        page.goto(f"{system.web}/console/#/tickets/{draft}")
        expect(page.locator("[data-test=timeline]")).to_contain_text("onerror=")
        assert page.title() == "Hotline"


def test_two_agents_at_one_draft_lose_nothing(system: RunningSystem, browser: Browser) -> None:
    draft = send_form(system, "洗衣机", "不排水")
    with window(browser, system) as page, window(browser, system) as other:
        for each in (page, other):
            sign_in(each, "lin")
            each.locator(f"[data-test=draft][data-id='{draft}']").click()
            expect(each.locator("#input-device")).to_have_value("洗衣机")
        # The first window hears of nothing until it confirms, as on a bad line.
        line = {"up": False}
        page.route(f"**/api/v1/tickets/{draft}", lambda route: route.continue_() if line["up"] else route.abort())
        page.on("request", lambda request: line.update(up=line["up"] or request.url.endswith("/confirm")))
        page.fill("#input-model", "XQG100")
        other.fill("#input-brand", "小天鹅")
        other.click("[data-test=save]")
        expect(other.locator("[data-test=save]")).to_have_count(0)
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-test=conflict]")).to_be_visible()
        expect(page.locator("#input-brand")).to_have_value("小天鹅")
        expect(page.locator("#input-model")).to_have_value("XQG100")
        page.keyboard.press("Control+Enter")
        expect(page.locator("[data-test=to-ticket]")).to_be_visible()
    state, fields = ticket(system, draft)
    assert state == "open"
    assert (fields["brand"][0], fields["model"][0]) == ("小天鹅", "XQG100")


def test_discarding_says_why_and_can_be_undone(system: RunningSystem, browser: Browser) -> None:
    draft = send_form(system, "电视", "没有画面")
    with window(browser, system) as page:
        sign_in(page, "lin")
        page.locator(f"[data-test=draft][data-id='{draft}']").click()
        page.click("[data-test=discard]")
        page.get_by_role("button", name="骚扰或广告").click()
        page.click("[data-test=dialog-act]")
        page.click("[data-test=undo]")
        expect(page.locator("#input-device")).to_have_value("电视")
    with system.read() as session:
        assert session.get_one(Ticket, draft).state == "draft"


def test_what_is_masked_is_uncovered_only_on_request(system: RunningSystem, browser: Browser) -> None:
    draft = send_form(system, "热水器", "打不着火", phone="13800138111")
    with window(browser, system) as page:
        sign_in(page, "gu")
        page.goto(f"{system.web}/console/#/tickets/{draft}")
        expect(page.locator("[data-test=fields]")).to_contain_text("138****8111")
        assert "13800138111" not in page.content()
        page.click("[data-test=unmask]")
        expect(page.locator("[data-test=uncovered]").first).to_have_text("13800138111")


def test_an_engineer_does_a_visit_with_a_telephone(system: RunningSystem, browser: Browser) -> None:
    draft = send_form(system, "微波炉", "不加热")
    with calling(system, "gu") as administrator, calling(system, "wu") as dispatcher:
        engineer = next(u["id"] for u in administrator("GET", "/users")["items"] if u["login"] == "he")
        dispatcher("POST", "/engineers", {"user": engineer, "skills": ["microwave"], "capacity": 20})
        seen = administrator("GET", f"/tickets/{draft}")
        administrator("POST", f"/tickets/{draft}/confirm", {"version": seen["version"]})
        with window(browser, system) as desk:
            sign_in(desk, "wu")
            desk.goto(f"{system.web}/console/#/tickets/{draft}")
            expect(desk.locator("[data-test=dispatch]")).to_contain_text("何师傅")
            if dispatcher("GET", f"/tickets/{draft}")["state"] == "open":
                desk.locator("[data-test=dispatch] li", has_text="何师傅").get_by_role("button").click()
            expect(desk.locator("[data-test=state]")).to_have_text("已派工")

    with window(browser, system, width=390, height=844) as phone:
        sign_in(phone, "he")
        phone.locator("[data-test=visit-card]").click()
        phone.click("[data-test=accept]")
        phone.click("[data-test=check-in]")
        phone.click("[data-test=complete]")
        phone.click("[data-test=finish]")
        expect(phone.locator("[data-test=completion] [role=alert]")).to_contain_text("请客户签名")
        pad = phone.locator("[data-test=signature]")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None
        phone.mouse.move(box["x"] + 30, box["y"] + 40)
        phone.mouse.down()
        phone.mouse.move(box["x"] + 160, box["y"] + 110, steps=8)
        phone.mouse.up()
        phone.click("[data-test=finish]")
        expect(phone.locator("[data-test=completion]")).to_have_count(0)
    until(lambda: ticket(system, draft)[0] in ("completed", "billed", "closed"), 20, "the completion")
    with system.read() as session:
        done = session.scalars(select(Event).where(Event.ticket_id == draft, Event.kind == "ticket.completed")).one()
        assert done.details["signed"] is True


@contextlib.contextmanager
def calling(system: RunningSystem, login: str) -> Iterator[Callable[..., Any]]:
    """The API as this user: method, path and body to the answer."""
    with requests.Session() as client:
        client.headers["X-Hotline"] = "1"

        def call(method: str, path: str, body: object = None) -> Any:
            answer = client.request(method, f"{system.web}/api/v1{path}", json=body, timeout=20)
            assert answer.ok, answer.text
            return answer.json()

        call("POST", "/session", {"login": login, "password": PASSWORD})
        yield call
