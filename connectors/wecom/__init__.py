"""WeCom: application callbacks, 微信客服 messages, group robots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    from aiohttp import web

    from ticketing import Outlet


def _routes(app: web.Application) -> None:
    from connectors.wecom import callback

    _prepare()
    callback.routes(app)


def _outlets() -> list[Outlet]:
    from connectors.wecom import outlets

    return outlets.outlets()


def _prepare() -> None:
    from connectors.wecom import media, service  # noqa: F401  # importing registers their handlers


connector = Connector(name="wecom", title=("企业微信", "WeCom"), routes=_routes, outlets=_outlets, prepare=_prepare)
