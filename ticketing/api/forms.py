"""The forms of the service types."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r404

from core.http import Problem, View, reply
from ticketing import forms
from ticketing.access import signed_in
from ticketing.api.schemas import FormAnswer, FormFieldAnswer, FormList


class Forms(View):
    """All forms."""

    async def get(self) -> r200[FormList] | r401[Problem]:
        """
        The form of every service type.

        Tags: forms
        Status Codes:
            200: All forms.
        """
        signed_in(self.request)
        return reply(FormList(items=[_shown(forms.form(service)) for service in forms.services()]))


class OneForm(View):
    """The form of one service type."""

    async def get(self, service: str, /) -> r200[FormAnswer] | r401[Problem] | r404[Problem]:
        """
        Which fields a service asks for, with labels in Chinese and English.

        Tags: forms
        Status Codes:
            200: The form.
        """
        signed_in(self.request)
        return reply(_shown(forms.form(service[:40])))


def _shown(form: forms.Form) -> FormAnswer:
    return FormAnswer(
        service=form.service,
        title=form.title,
        public=form.public,
        fields=[
            FormFieldAnswer(
                name=field.name,
                label=field.label,
                type=field.type,
                required=field.required,
                options=[dict(option) for option in field.options],
            )
            for field in form.fields
        ],
    )


def routes(api: web.Application) -> None:
    api.router.add_view("/forms", Forms)
    api.router.add_view("/forms/{service}", OneForm)
