"""The one tree of errors.

    HotlineError
    ├── InvalidInput          422  the request names a field that cannot be accepted
    ├── Malformed             400  the bytes are not what the protocol promises
    ├── TooLarge              413  over a limit of size, depth or time
    ├── NotSignedIn           401
    ├── Forbidden             403
    ├── NotFound              404
    ├── Conflict              409  somebody else was first, or the state does not allow it
    ├── TooMany               429  a bounded queue or rate is full; try again later
    ├── Unavailable           503  a part this needs is not there now
    ├── Damaged               500  what we kept is not what we wrote
    └── ConfigurationError    500  a setting is missing or contradicts another

The class docstring is the default message. ``retryable`` tells the outbox whether trying again can help.
"""

from __future__ import annotations

from typing import Any, ClassVar


class HotlineError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, **details: Any) -> None:
        """``details`` are shown to the caller beside the message; never put personal data there."""
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.details = details

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidInput(HotlineError):
    """A value cannot be accepted."""

    status = 422
    code = "invalid"


class Malformed(HotlineError):
    """The request is not well formed."""

    status = 400
    code = "malformed"


class TooLarge(HotlineError):
    """The request is larger than allowed."""

    status = 413
    code = "too_large"


class NotSignedIn(HotlineError):
    """Sign in first."""

    status = 401
    code = "not_signed_in"


class Forbidden(HotlineError):
    """This is not allowed for you."""

    status = 403
    code = "forbidden"


class NotFound(HotlineError):
    """There is no such thing, or you may not see it."""

    status = 404
    code = "not_found"


class Conflict(HotlineError):
    """This is not possible in the present state."""

    status = 409
    code = "conflict"


class TooMany(HotlineError):
    """Too many requests; try again later."""

    status = 429
    code = "too_many"
    retryable = True


class Unavailable(HotlineError):
    """A part that this needs is not available now."""

    status = 503
    code = "unavailable"
    retryable = True


class Damaged(HotlineError):
    """The content was changed or cut since it was kept."""

    code = "damaged"


class ConfigurationError(HotlineError):
    """A setting is missing or wrong."""

    code = "configuration"
