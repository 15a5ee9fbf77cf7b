"""The telephone: SIP calls are answered, recorded and recognised while the caller speaks; each becomes a Message.

The name ``connector`` is made at its first use, so that the pjsua2 processes, which import parts of this package, stay
small and start fast.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "connector":
        raise AttributeError(name)
    from connectors.sip.plugin import connector

    return connector
