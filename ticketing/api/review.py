"""The review of drafts and what desk workers do with a ticket: every POST /tickets/{id}/STEP that belongs to ticketing."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r409, r422

from core import db
from core.http import Problem, View, reply
from ticketing import attention, correspondence, merging, review, workflow
from ticketing.access import Actor, check_visible, signed_in
from ticketing.api.common import Deed, change_ticket
from ticketing.api.schemas import (
    Confirmation,
    Corrections,
    Done,
    Id,
    Letter,
    Merge,
    Opened,
    Reschedule,
    Step,
    StepWithChoice,
    StepWithReason,
    TicketAnswer,
    Words,
)


class _Deed(View):
    """Base of the steps: all are answered with the ticket as it is then."""

    async def done(self, ticket_id: int, version: int | None, permission: str, deed: Deed) -> web.Response:
        actor = signed_in(self.request)
        return reply(await db.run(change_ticket, actor, ticket_id, version, permission, deed))

    async def moved(self, ticket_id: int, version: int | None, action: str, **details: Any) -> web.Response:
        actor = signed_in(self.request)
        permission = workflow.TRANSITIONS[action].permission
        return await self.done(
            ticket_id, version, permission, lambda s, t: workflow.move(s, t, action, actor.tag, **details)
        )


class Claim(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Takes a draft for review, so that no colleague works on it too.

        Tags: review
        Status Codes:
            200: It is yours.
            409: A colleague has it.
        """
        actor = signed_in(self.request)
        return await self.done(ticket_id, step.version, "ticket.review", lambda s, t: review.claim(s, t, actor))


class Release(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Gives a claimed draft back to the queue.

        Tags: review
        Status Codes:
            200: It is free.
        """
        actor = signed_in(self.request)
        return await self.done(ticket_id, step.version, "ticket.review", lambda s, t: review.release(s, t, actor))


class Fields(_Deed):
    async def patch(
        self, ticket_id: Id, /, given: Corrections
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Corrects fields, service, urgency or customer. The machine's values and their evidence stay beside.

        Tags: review
        Status Codes:
            200: The corrected ticket.
            409: Somebody changed it since `version`.
        """
        actor = signed_in(self.request)
        return await self.done(
            ticket_id, given.version, "ticket.review", lambda s, t: review.change(s, t, actor, **_changes(given))
        )


class Confirm(_Deed):
    async def post(
        self, ticket_id: Id, /, given: Confirmation
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Makes the draft an open ticket, with corrections in the same step: clocks start, an engineer is looked for.

        Tags: review
        Status Codes:
            200: The open ticket.
            409: Somebody changed it since `version`, or reviews it.
            422: Required fields are missing (`details.missing`) and `incomplete` was not set, or a value cannot be.
        """
        actor = signed_in(self.request)

        def deed(session: Any, ticket: Any) -> None:
            review.change(session, ticket, actor, **_changes(given))
            review.confirm(session, ticket, actor, incomplete=given.incomplete)

        return await self.done(ticket_id, given.version, "ticket.review", deed)


class UndoConfirm(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Makes a ticket a draft again that was confirmed a moment ago and that nobody took on since.

        Tags: review
        Status Codes:
            200: The draft.
            409: It is too late.
        """
        actor = signed_in(self.request)
        return await self.done(ticket_id, step.version, "ticket.review", lambda s, t: review.undo_confirm(s, t, actor))


class Discard(_Deed):
    async def post(
        self, ticket_id: Id, /, step: StepWithReason
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Puts a draft aside that is no request. It can be restored.

        Tags: review
        Status Codes:
            200: The discarded draft.
        """
        return await self.moved(ticket_id, step.version, "discard", reason=step.reason)


class Restore(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Takes a discarded draft back.

        Tags: review
        Status Codes:
            200: The draft.
        """
        return await self.moved(ticket_id, step.version, "restore")


class Cancel(_Deed):
    async def post(
        self, ticket_id: Id, /, step: StepWithReason
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Ends a ticket that is no longer wanted.

        Tags: tickets
        Status Codes:
            200: The cancelled ticket.
        """
        return await self.moved(ticket_id, step.version, "cancel", reason=step.reason)


class Resolve(_Deed):
    async def post(
        self, ticket_id: Id, /, step: StepWithReason
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Closes a ticket that needs no visit; `reason` says how it was solved.

        Tags: tickets
        Status Codes:
            200: The closed ticket.
        """
        return await self.moved(ticket_id, step.version, "resolve", reason=step.reason)


class Reopen(_Deed):
    async def post(
        self, ticket_id: Id, /, step: StepWithReason
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Opens a closed or cancelled ticket again.

        Tags: tickets
        Status Codes:
            200: The open ticket.
        """
        return await self.moved(ticket_id, step.version, "reopen", reason=step.reason)


class Resume(_Deed):
    async def post(
        self, ticket_id: Id, /, step: StepWithChoice
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Goes on with a ticket that waited for the customer, where it stopped.

        Tags: tickets
        Status Codes:
            200: The ticket in its earlier state.
        """
        return await self.moved(ticket_id, step.version, "resume", reason=step.reason)


class MergeInto(_Deed):
    async def post(
        self, ticket_id: Id, /, given: Merge
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Says that this ticket is about the same as another one, `into`, which then shows both stories.

        Tags: tickets
        Status Codes:
            200: The merged ticket (not the one it was merged into).
        """
        actor = signed_in(self.request)
        return await self.done(
            ticket_id,
            given.version,
            "ticket.merge",
            lambda s, t: merging.merge(s, t, actor, given.into, given.reason),
        )


class Unmerge(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Makes a merged ticket one of its own again.

        Tags: tickets
        Status Codes:
            200: The ticket in its earlier state.
        """
        return await self.moved(ticket_id, step.version, "unmerge")


class Ask(_Deed):
    async def post(
        self, ticket_id: Id, /, letter: Letter
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Asks the customer back, on the channel the request came by. An open ticket waits; its clocks may pause.

        Tags: correspondence
        Status Codes:
            200: The ticket with the question.
        """
        actor = signed_in(self.request)
        return await self.done(
            ticket_id,
            letter.version,
            "ticket.write",
            lambda s, t: correspondence.ask(s, t, actor, letter.text, letter.channel),
        )


class Reply(_Deed):
    async def post(
        self, ticket_id: Id, /, letter: Letter
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Writes to the customer.

        Tags: correspondence
        Status Codes:
            200: The ticket with the reply; its `delivery` tells later what became of it.
        """
        actor = signed_in(self.request)
        return await self.done(
            ticket_id,
            letter.version,
            "ticket.write",
            lambda s, t: correspondence.reply(s, t, actor, letter.text, letter.channel),
        )


class RescheduleVisit(_Deed):
    async def post(
        self, ticket_id: Id, /, given: Reschedule
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Puts the visit at another time; answers a wish to do so. An engineer who has the ticket is told.

        Tags: tickets
        Status Codes:
            200: The ticket with the new time.
            409: It is no longer under way, or the engineer is there.
        """
        actor = signed_in(self.request)
        return await self.done(
            ticket_id, given.version, "ticket.write", lambda s, t: attention.reschedule(s, t, actor, given.time)
        )


class Leave(_Deed):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Leaves the ticket as it is, although the customer wished to cancel or reschedule it.

        Tags: tickets
        Status Codes:
            200: The ticket without the wish.
            409: Nothing was wished.
        """
        actor = signed_in(self.request)
        return await self.done(ticket_id, step.version, "ticket.write", lambda s, t: attention.leave(s, t, actor))


class TicketOpened(View):
    """Having opened a ticket."""

    async def post(
        self, ticket_id: Id, /, given: Opened
    ) -> r200[Done] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Says that the ticket is on somebody's screen, up to this entry: it is no longer unread, for anybody.

        Tags: tickets
        Status Codes:
            200: Noted.
        """
        await db.run(_opened, signed_in(self.request), ticket_id, given.entry)
        return reply(Done())


class Note(_Deed):
    async def post(
        self, ticket_id: Id, /, words: Words
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Adds a note that only colleagues see.

        Tags: correspondence
        Status Codes:
            200: The ticket with the note.
        """
        actor: Actor = signed_in(self.request)
        return await self.done(
            ticket_id, words.version, "ticket.write", lambda s, t: correspondence.note(s, t, actor, words.text)
        )


def _opened(actor: Actor, ticket_id: int, entry: int) -> None:
    with db.write() as session:
        check_visible(session, actor, ticket_id)
        attention.opened(session, workflow.load(session, ticket_id), entry)


def _changes(given: Corrections) -> dict[str, Any]:
    return {
        "fields": given.fields,
        "service": given.service,
        "urgency": given.urgency,
        "customer_id": given.customer_id,
    }


def routes(api: web.Application) -> None:
    steps: dict[str, type[View]] = {
        "claim": Claim,
        "release": Release,
        "fields": Fields,
        "confirm": Confirm,
        "undo-confirm": UndoConfirm,
        "discard": Discard,
        "restore": Restore,
        "cancel": Cancel,
        "resolve": Resolve,
        "reopen": Reopen,
        "resume": Resume,
        "merge": MergeInto,
        "unmerge": Unmerge,
        "ask": Ask,
        "reply": Reply,
        "note": Note,
        "reschedule": RescheduleVisit,
        "leave": Leave,
        "opened": TicketOpened,
    }
    for name, view in steps.items():
        api.router.add_view(f"/tickets/{{ticket_id}}/{name}", view)
