"""WeChat official accounts: callbacks in plain, compatible and encrypted mode; media, customer-service and template messages."""

from __future__ import annotations

from aiohttp import web

from connectors.registry import Connector
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
