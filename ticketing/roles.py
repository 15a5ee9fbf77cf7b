"""What each role may do. The console shows only what the signed-in user's permissions allow; the API enforces them."""

from __future__ import annotations

PERMISSIONS: dict[str, str] = {
    "ticket.read": "see the tickets of one's regions",
    "ticket.read.own": "see the tickets that are assigned to oneself",
    "ticket.create": "write a ticket by hand",
    "ticket.review": "claim, correct, confirm and discard drafts",
    "ticket.write": "reply, ask back, add notes",
    "ticket.assign": "assign an engineer",
    "ticket.resolve": "close what needs no visit",
    "ticket.cancel": "cancel a ticket",
    "ticket.reopen": "reopen a closed ticket",
    "ticket.hold": "hold a ticket's recordings and files against the policy of retention",
    "ticket.merge": "merge duplicates and take them apart",
    "visit.do": "accept, refuse, check in, complete",
    "bill.read": "see bills",
    "bill.write": "price, bill, take payment, close",
    "price.write": "change price books",
    "stock.read": "see parts stock",
    "stock.write": "book parts",
    "sla.read": "see clocks and policies",
    "sla.write": "change policies and calendars",
    "dispatch.read": "see engineers, candidates and visits",
    "dispatch.write": "change engineers, skills and shifts",
    "personal.see": "see telephone numbers and addresses; each look is audited",
    "personal.unmask": "uncover telephone number and address of one ticket; audited",
    "recording.listen": "hear recordings; each is audited",
    "call.listen": "follow calls that are going on",
    "call.take": "be called for callers; hold, put through and end one's own calls",
    "call.out": "have a customer called",
    "call.supervise": "hear a call while it goes on, put it through and end it; audited",
    "phone.write": "set the telephones of agents",
    "customer.read": "see customers",
    "customer.write": "change customers",
    "asset.read": "see machines",
    "asset.write": "change machines",
    "user.read": "see users",
    "user.write": "make and change users, their passwords and keys",
    "audit.read": "read the audit trail",
    "report.read": "see reports",
    "settings.write": "change forms, rules and thresholds",
}

_DESK = {
    "ticket.read",
    "ticket.create",
    "ticket.write",
    "ticket.resolve",
    "ticket.cancel",
    "ticket.reopen",
    "ticket.merge",
    "bill.read",
    "sla.read",
    "dispatch.read",
    "customer.read",
    "asset.read",
    "user.read",
    "personal.unmask",
}

ROLES: dict[str, frozenset[str]] = {
    "agent": frozenset(
        _DESK
        | {"ticket.review", "personal.see", "recording.listen", "call.listen", "customer.write", "asset.write"}
        | {"call.take", "call.out"}
    ),
    "dispatcher": frozenset(_DESK | {"ticket.assign", "dispatch.write", "stock.read", "asset.write"}),
    "engineer": frozenset({"ticket.read.own", "visit.do", "bill.read", "stock.read", "sla.read"}),
    "manager": frozenset(set(PERMISSIONS) - {"ticket.read.own", "personal.see", "user.write", "visit.do"}),
    "administrator": frozenset(set(PERMISSIONS) - {"ticket.read.own", "personal.see", "visit.do"}),
}
