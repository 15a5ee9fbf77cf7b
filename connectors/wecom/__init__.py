"""WeCom."""

from __future__ import annotations

from connectors.registry import Connector

connector = Connector(name="wecom", title=("企业微信", "WeCom"))
