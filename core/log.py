"""Structured logging. Personal data goes only into the field ``personal``, which is masked unless settings say otherwise.

    log = core.log.get(__name__)
    log.info("message accepted", message=message.id, personal={"sender": "..."})

The event is always a constant sentence (a test reads the source for that), so no name or number slips into log text.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from core import settings

SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key")


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def configure(process: str) -> None:
    """Called once by every process with its name."""
    config = settings.get(settings.CoreSettings)
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if config.log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    if not config.log_personal:
        shared.append(mask_personal)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(config.log_level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format=f"{process} %(name)s %(levelname)s %(message)s"
    )
    structlog.contextvars.bind_contextvars(process=process)


def mask_personal(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if "personal" in event:
        event["personal"] = dict.fromkeys(event["personal"], "***")
    return event


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "***"
    return event
