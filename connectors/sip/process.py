"""The service of `hotline voice`."""

from __future__ import annotations

import asyncio

from connectors.sip.controller import Controller
from connectors.sip.settings import SipSettings
from core import settings


async def serve() -> None:
    """Takes calls until it is cancelled; raises ConfigurationError when the port is taken."""
    controller = Controller(settings.get(SipSettings))
    try:
        await controller.start()
        await asyncio.Event().wait()
    finally:
        await controller.stop()
