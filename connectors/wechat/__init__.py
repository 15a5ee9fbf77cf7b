"""WeChat official accounts: callbacks in plain, compatible and encrypted mode; media, customer-service and template messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    from aiohttp import web

    from ticketing import Outlet


def _routes(app: web.Application) -> None:
    from connectors.wechat import callback

    _prepare()
    callback.routes(app)


def _outlets() -> list[Outlet]:
    from connectors.wechat import outlets

    return outlets.outlets()


def _prepare() -> None:
    from connectors.wechat import delivered, media  # noqa: F401  # importing registers their handlers


connector = Connector(
    name="wechat", title=("微信公众号", "WeChat official account"), routes=_routes, outlets=_outlets, prepare=_prepare
)
