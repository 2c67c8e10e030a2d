"""Failures named for what to do about them."""

from datetime import timedelta
from enum import StrEnum

import msgspec


class FailureKind(StrEnum):
    """What kind of answer a failure needs."""

    TRANSIENT = "transient"  # the platform or the network; the same call may work later
    RATE_LIMITED = "rate_limited"  # we are too fast; wait, it does not count as a try
    AUTH = "auth"  # the credential; nothing goes out until a person acts
    REJECTED = "rejected"  # this record; sending it again unchanged cannot help
    TOO_LARGE = "too_large"  # this body; half of it may pass
    UNEXPECTED = "unexpected"  # an answer we do not understand; a developer must look


class Failure(msgspec.Struct, frozen=True):
    """What went wrong, with the platform's own words where there are any."""

    kind: FailureKind
    message: str
    code: str = ""
    status: int | None = None
    pointer: str = ""
    retry_after: timedelta | None = None
    answer: str = ""


class PlatformError(Exception):
    """A platform did not do what we asked; `failure` says what that means."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Unreadable(Exception):
    """A body that cannot become a record: which field, and by which rule."""

    def __init__(self, message: str, *, field: str = "", rule: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.rule = rule
