"""One draft's way, through the same API that the console uses: confirmed, assigned, visited, billed, surveyed, closed."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import requests
from rich.console import Console

from app.demo.send import SAMPLES
from app.demo.stage import Stage
from core.errors import HotlineError, Unavailable

PATIENCE = 30.0  # s for what promises do in between


class Person:
    """Somebody who is signed in."""

    def __init__(self, web: str, login: str, password: str) -> None:
        self._api = f"{web}/api/v1"
        self._session = requests.Session()
        self._session.headers["X-Hotline"] = "1"
        self.call("POST", "/session", {"login": login, "password": password})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Raises HotlineError with what the API said."""
        answer = self._session.request(method, self._api + path, json=body, timeout=30)
        if not answer.ok:
            raise HotlineError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def act(self, ticket: int, action: str, **content: Any) -> Any:
        """An action on the ticket as it is now."""
        version = self.get(f"/tickets/{ticket}")["version"]
        return self.call("POST", f"/tickets/{ticket}/{action}", {"version": version, **content})


def travel(stage: Stage, out: Console) -> bool:
    """Takes the WeChat customer's ticket to its end; True if it is closed and paid."""
    out.rule("one ticket to the end of its way")
    web, password = stage.entrances.web, stage.password
    agent = Person(web, "agent", password)
    found = agent.get("/tickets?channel=wechat&state=draft")["items"]
    ticket = found[0]["id"]
    number = found[0]["number"]
    agent.act(ticket, "claim")
    agent.act(ticket, "confirm", fields={})
    out.print(f"agent       confirms {number}")

    def now() -> dict[str, Any]:
        got: dict[str, Any] = agent.get(f"/tickets/{ticket}")
        return got

    _until("assigned", lambda: now()["state"] == "assigned")
    for clock in agent.get(f"/tickets/{ticket}/clocks")["items"]:
        out.print(f"sla         {clock['name']}: {clock['state']}, due {clock.get('due')}")
    engineer_name = now()["assignee"]["name"]
    out.print(f"dispatch    assigns {engineer_name} by itself, because")
    dispatcher = Person(web, "dispatcher", password)
    for candidate in dispatcher.get(f"/tickets/{ticket}/candidates")["items"]:
        reasons = candidate.get("reasons") or []
        text = "; ".join(r["text"]["zh"] + f" ({r['points']:+.0f})" for r in reasons)
        excluded = candidate.get("excluded")
        out.print(f"            {_name(candidate)}: {excluded['zh'] if excluded else text}")
    engineer = Person(web, _login(dispatcher, now()["assignee"]["id"], password, web), password)
    engineer.act(ticket, "accept")
    out.print(f"engineer    {engineer_name} accepts")
    engineer.act(ticket, "check-in", latitude=31.2263, longitude=121.5233)
    visit = engineer.get("/visits?engineer=me")["items"][0]["visit"]
    out.print(
        f"engineer    checks in {visit['distance']:.0f} m from the address"
        if visit.get("distance")
        else "engineer    checks in"
    )
    signature = base64.b64encode((SAMPLES / "leak.png").read_bytes()).decode()
    engineer.act(
        ticket,
        "complete",
        parts=[{"code": "P-PUMP-WM", "count": 1}],
        cause="wear",
        note="排水泵密封老化漏水，已更换",
        signature=signature,
    )
    out.print("engineer    completes: one drain pump, cause wear, signature")
    _until("billed", lambda: now()["state"] in ("billed", "closed"))
    bill = agent.get(f"/tickets/{ticket}/bill")
    for line in bill["lines"]:
        out.print(
            f"bill        {_text(line)}: {line['quantity']} x {_yuan(line['unit_price'])} = {_yuan(line['amount'])}"
        )
    balance = sum(entry["debit"] - entry["credit"] for entry in bill["entries"])
    out.print(
        f"bill        total {_yuan(bill['total'])}; {len(bill['entries'])} ledger entries, debit - credit = {balance}"
    )
    payer = Person(web, "manager", password)
    payer.call(
        "POST", f"/tickets/{ticket}/pay", {"amount": bill["total"], "method": "wechat", "reference": f"demo-{number}"}
    )
    out.print("customer    pays")
    _until("the survey on WeChat", lambda: _survey_link(stage) is not None)
    link = _survey_link(stage) or ""
    _answer_survey(link)
    out.print(f"customer    answers the survey: 5 of 5  ({link})")
    _until("closed", lambda: now()["state"] == "closed")
    out.print(f"ticket      {number} is closed; the customer read on WeChat:")
    for text in stage.wechat.sent:
        out.print(f"            {text}")
    timeline = agent.get(f"/tickets/{ticket}/timeline")["items"]
    out.print(f"timeline    {' → '.join(item['kind'] for item in timeline if '.' in item['kind'])}")
    return balance == 0 and str(agent.get(f"/tickets/{ticket}/bill")["state"]) == "paid"


def _name(candidate: dict[str, Any]) -> str:
    engineer = candidate["engineer"]
    return str(engineer["name"] if isinstance(engineer, dict) else candidate.get("name", engineer))


def _text(line: dict[str, Any]) -> str:
    text = line["text"]
    return str(text["zh"] if isinstance(text, dict) else text)


def _login(dispatcher: Person, user_id: int, password: str, web: str) -> str:
    administrator = Person(web, "admin", password)
    users = administrator.get("/users")["items"]
    return str(next(user["login"] for user in users if user["id"] == user_id))


def _yuan(fen: int) -> str:
    return f"¥{fen / 100:.2f}"


def _survey_link(stage: Stage) -> str | None:
    for text in stage.wechat.sent:
        found = re.search(r"https?://\S*/survey/[\w.~-]+", text)
        if found:
            return found.group()
    return None


def _answer_survey(link: str) -> None:
    page = requests.get(link, timeout=10)
    page.raise_for_status()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    answer = requests.post(link, data={**hidden, "score": "5", "comment": "师傅很准时"}, timeout=10)
    answer.raise_for_status()


def _until(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise Unavailable(f"{what}: not so after {PATIENCE:.0f} s")
        time.sleep(0.1)
