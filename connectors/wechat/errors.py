"""What WeChat's API answers when it does not do what was asked, as errors that say whether trying again can help.

Source: "全局返回码说明".
"""

from __future__ import annotations

from core.errors import HotlineError, TooMany

TOKEN_CODES = frozenset({40001, 40014, 42001, 42007, 42009})
BUSY_CODES = frozenset({-1, 45009, 45011, 45047, 50002})
WINDOW_CODES = frozenset({45015})


class ApiError(HotlineError):
    """The provider's API refused the call."""

    code = "wechat_refused"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"{number} {message[:200]}", number=number)
        self.number = number


class ApiBusy(TooMany):
    """The provider's API is busy or a limit of calls is reached (-1, 45009, 45011)."""

    code = "wechat_busy"


class ApiUnreachable(HotlineError):
    """The provider's API did not answer."""

    code = "wechat_unreachable"
    retryable = True


def error_of(number: int, message: str) -> HotlineError:
    """The error that an ``errcode`` stands for."""
    return ApiBusy(f"{number} {message[:200]}") if number in BUSY_CODES else ApiError(number, message)
