"""Helpers of the tests: real servers to talk to, and ways to let promises come true."""

from tests.support.databases import postgres, tables
from tests.support.promises import keep_promises

__all__ = ["keep_promises", "postgres", "tables"]
