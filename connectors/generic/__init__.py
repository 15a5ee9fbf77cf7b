"""Any other source."""

from __future__ import annotations

from connectors.registry import Connector

connector = Connector(name="generic", title=("其他来源", "Any other source"))
