"""What a desk does beside reviewing, in a real browser on the real system: joining customers, messages that nobody has opened,
wishes to cancel or to come later, running calls."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from intake.tables import SessionRow
from tests.acceptance.test_console_at_work import calling, drafted, send_form
from tests.support.browser import add_user, browsing, chromium, sign_in, window
from tests.support.system import RunningSystem, running_system, until
from ticketing import Customer, Ticket

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("console_desk"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    chromium()
    with running_system(tmp_path_factory.mktemp("desk") / "var") as running:
        add_user(running, "lin", "agent", "林小满")
        add_user(running, "gu", "administrator", "顾明")
        add_user(running, "wu", "dispatcher", "吴调度")
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


def chatted(system: RunningSystem, openid: str, number: int, device: str, phone: str) -> int:
    """A request by chat: its draft."""
    text = f"我家{device}坏了，地址北京市海淀区中关村南大街5号，电话{phone}"
    system.send_wechat(openid, number, text).raise_for_status()
    return drafted(system, device)


def confirmed(call: Callable[..., Any], draft: int) -> None:
    version = call("GET", f"/tickets/{draft}")["version"]
    call("POST", f"/tickets/{draft}/confirm", {"version": version, "incomplete": True})


def narrow(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    cards = "[...document.querySelectorAll('.card')].every((card) => card.scrollWidth <= card.clientWidth)"
    return bool(page.evaluate(f"document.documentElement.scrollWidth <= window.innerWidth && {cards}"))


def test_one_person_is_joined_at_the_ticket_and_taken_apart(system: RunningSystem, browser: Browser) -> None:
    send_form(system, "烤箱", "不加热", phone="13800138222")
    draft = chatted(system, "o-same", 5_100_001, "电视", "13800138222")
    with window(browser, system) as page:
        sign_in(page, "lin")
        page.locator(f"[data-test=draft][data-id='{draft}']").click()
        proposal = page.locator("[data-test=perhaps-same]")
        expect(proposal).to_contain_text("留的是同一个电话号码")
        expect(proposal).to_contain_text("+8613800138222")
        proposal.locator("[data-test=join]").click()
        page.get_by_role("dialog").get_by_role("button", name="合并").click()
        expect(proposal).to_have_count(0)
        with system.read() as session:
            own = session.get_one(Ticket, draft).customer_id
            joined = session.scalars(select(Customer.id).where(Customer.joined_into == own)).all()
            assert len(joined) == 1

        page.locator("[data-test=customer] a").click()
        expect(page.locator("[data-test=joined]")).to_contain_text("+8613800138222")
        expect(page.locator("[data-test=ticket]")).to_have_count(2)
        page.click("[data-test=take-apart]")
        expect(page.locator("[data-test=joined]")).to_have_count(0)
        expect(page.locator("[data-test=perhaps-same]")).to_have_count(1)
        expect(page.locator("[data-test=ticket]")).to_have_count(1)
    with system.read() as session:
        assert session.get_one(Customer, joined[0]).joined_into is None


def test_a_message_under_way_is_unread_until_opened_and_a_wish_is_answered(
    system: RunningSystem, browser: Browser
) -> None:
    draft = chatted(system, "o-wish", 5_200_001, "洗衣机", "13800138333")
    with calling(system, "lin") as agent:
        confirmed(agent, draft)
    with window(browser, system, width=390, height=844) as page:
        sign_in(page, "wu")
        page.goto(f"{system.web}/console/#/tickets")
        row = page.locator("[data-test=ticket]", has_text="洗衣机")
        expect(row).to_be_visible()
        expect(row.locator("[data-test=unread]")).to_have_count(0)
        # From here on the page has to find out by itself.
        system.send_wechat("o-wish", 5_200_002, "洗衣机先不用修了，我要取消这个报修").raise_for_status()
        expect(row.locator("[data-test=unread]")).to_be_visible()
        expect(row.locator("[data-test=wish-mark]")).to_have_text("客户要求取消")
        expect(page.locator("[data-test=attention-count]")).to_have_text("1")
        assert narrow(page)
        page.goto(f"{system.web}/console/#/tickets?attention=wish")
        row.click()
        banner = page.locator("[data-test=wish]")
        expect(banner).to_contain_text("客户要求取消")
        expect(banner.locator("blockquote")).to_have_text("洗衣机先不用修了，我要取消这个报修")
        assert narrow(page)
        until(lambda: not unread(system, draft), 20, "its being opened")

        page.click("[data-test=wish-reschedule]")
        page.get_by_role("dialog").locator("textarea").fill("周六上午")
        page.click("[data-test=dialog-act]")
        expect(banner).to_have_count(0)
        expect(page.locator("[data-test=fields]")).to_contain_text("周六上午")
        expect(page.locator("[data-test=timeline] [data-kind='ticket.rescheduled']")).to_contain_text("周六上午")

        system.send_wechat("o-wish", 5_200_003, "不好意思，这次报修我还是取消吧").raise_for_status()
        expect(banner).to_be_visible()
        page.click("[data-test=wish-cancel]")
        page.click("[data-test=dialog-act]")
        expect(page.locator("[data-test=state]")).to_have_text("已取消")
        expect(banner).to_have_count(0)
        expect(page.locator("[data-test=attention-count]")).to_have_count(0)


def unread(system: RunningSystem, ticket_id: int) -> bool:
    with system.read() as session:
        return session.get_one(Ticket, ticket_id).unread is not None


HEARD = """
import sys
from intake import HeardTurn, append_turn
for line in sys.stdin:
    append_turn(sys.argv[1], HeardTurn(speaker="customer", text=line.strip(), start=0, end=1500))
"""


@contextlib.contextmanager
def hearing(system: RunningSystem, session_id: str) -> Iterator[Callable[[str], None]]:
    """Keeps finished utterances of a call, as the telephone process does."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
    environment |= {"HOTLINE_DATA_DIR": str(system.directory), "HOTLINE_ENV_FILE": ""}
    command = [sys.executable, "-c", HEARD, session_id]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdin is not None

        def hear(text: str) -> None:
            assert process.stdin is not None
            process.stdin.write(text + "\n")
            process.stdin.flush()

        yield hear
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_running_call_is_followed_field_by_field_and_ended(
    system: RunningSystem, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sound = tmp_path_factory.mktemp("sound") / "quiet.wav"
    quiet(sound, seconds=120)
    with calling(system, "gu") as administrator:
        own = next(u["id"] for u in administrator("GET", "/users")["items"] if u["login"] == "lin")
        administrator("PUT", f"/users/{own}/phone", {"address": "8001"})
    caller = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "connectors.sip.softphone",
            f"sip:400@127.0.0.1:{system.sip_port}",
            str(sound),
            "--caller",
            "13800138444",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with window(browser, system) as agent, window(browser, system, width=390, height=844) as boss:
            sign_in(agent, "lin")
            expect(agent.locator("[data-test=phone]")).to_have_attribute("data-state", "away")
            agent.locator("[data-test=phone-switch]").click()
            expect(agent.locator("[data-test=phone]")).to_have_attribute("data-state", "ready")

            agent.goto(f"{system.web}/console/#/calls")
            card = agent.locator("[data-test=call]")
            expect(card.locator("[data-test=stage]")).to_have_text("语音助手接待中")
            expect(card).to_contain_text("13800138444")
            expect(card.locator("[data-test=take]")).to_be_visible()
            expect(card.locator("[data-test=hang-up]")).to_have_count(0)  # not this agent's call
            with hearing(system, going_on(system)) as hear:
                hear("我家冰箱不制冷了")
                expect(card.locator("[data-field=device]")).to_have_text("冰箱", timeout=60_000)
                hear("地址是北京市海淀区中关村南大街五号")
                expect(card.locator("[data-field=address]")).to_contain_text("中关村南大街")
            expect(card.locator(".captions")).to_contain_text("我家冰箱不制冷了")

            sign_in(boss, "gu")
            boss.goto(f"{system.web}/console/#/calls")
            expect(boss.locator("[data-test=call]")).to_contain_text("138****8444")
            assert narrow(boss)
            boss.click("[data-test=hang-up]")
            boss.get_by_role("dialog").get_by_role("button", name=re.compile("挂断")).click()
            expect(boss.locator("[data-test=empty]")).to_be_visible()
            expect(agent.locator("[data-test=empty]")).to_be_visible()
    finally:
        caller.terminate()
        caller.wait(20)
    drafted(system, "冰箱")


def going_on(system: RunningSystem) -> str:
    with system.read() as session:
        return session.scalars(select(SessionRow.id).where(SessionRow.state == "open")).one()


def quiet(path: os.PathLike[str], seconds: int) -> None:
    import wave

    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(bytes(16000 * seconds))
