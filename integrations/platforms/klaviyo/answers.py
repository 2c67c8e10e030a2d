"""What each answer of Klaviyo means, and what to do about it."""

import re
from datetime import timedelta
from typing import TypeVar

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.platforms.http import Answer

T = TypeVar("T")

# Klaviyo always names a wait on 429; this one is for an answer that has lost it on the way.
WAIT_UNNAMED = timedelta(seconds=10)
POSITION = re.compile(r"/data/attributes/(?:events-bulk-create|profiles|items|variants)/data/(\d+)")


class _Source(msgspec.Struct):
    pointer: str | None = None
    parameter: str | None = None


class _Error(msgspec.Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    source: _Source | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


_decoder = msgspec.json.Decoder(_Errors)


def failure_of(answer: Answer) -> Failure | None:
    """Say what went wrong, or None when nothing did."""
    if 200 <= answer.status < 300:
        return None
    error = first_error(answer)
    message = error.detail or error.title or f"Klaviyo answered with status {answer.status}."
    return Failure(
        kind=_kind(answer),
        message=clean(message, 500),
        code=clean(error.code, 80) or str(answer.status),
        status=answer.status,
        pointer=_pointer(error),
        retry_after=retry_after(answer),
        answer=answer.text,
    )


def read(answer: Answer, shape: type[T], *, what: str = "Klaviyo's answer") -> T:
    """Read what a yes says; `what` names it where it cannot be read. Raises PlatformError."""
    if failure := failure_of(answer):
        raise PlatformError(failure)
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        failure = Failure(
            FailureKind.UNEXPECTED,
            f"{what} cannot be read: {exc}"[:500],
            code="unexpected",
            status=answer.status,
            answer=answer.text,
        )
        raise PlatformError(failure) from exc


def failures_of(answer: Answer) -> list[Failure]:
    """Every item named in an all-or-nothing refusal."""
    try:
        errors = _decoder.decode(answer.body).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [
        Failure(
            FailureKind.REJECTED,
            clean(error.detail or error.title, 500),
            code=clean(error.code, 80) or "invalid",
            status=answer.status,
            pointer=_pointer(error),
            answer=answer.text,
        )
        for error in errors
    ]


def position(pointer: str) -> int | None:
    """Which item of a request a pointer is about; None when it names none."""
    found = POSITION.match(pointer)
    return int(found.group(1)) if found else None


def first_error(answer: Answer) -> _Error:
    """The first error of an answer; an empty one when it holds none."""
    try:
        errors = _decoder.decode(answer.body).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()
    return errors[0] if errors else _Error()


def retry_after(answer: Answer) -> timedelta | None:
    """The wait Klaviyo asks for, in whole seconds; at least one, at most a day."""
    raw = answer.headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        return timedelta(seconds=max(1, min(int(raw[:9]), 86_400)))
    return WAIT_UNNAMED if answer.status == 429 else None


def clean(text: str, longest: int) -> str:
    """Words that fit into a column; an answer may quote a NUL, which no column takes."""
    return text.replace("\x00", "")[:longest]


def _pointer(error: _Error) -> str:
    return clean((error.source and error.source.pointer) or "", 300)


def _kind(answer: Answer) -> FailureKind:
    match answer.status:
        case 429:
            return FailureKind.RATE_LIMITED
        case 401:
            return FailureKind.AUTH
        case 403:
            # Cloudflare's own page is HTML and passes; Klaviyo's JSON says a scope is missing.
            return FailureKind.AUTH if answer.is_json else FailureKind.TRANSIENT
        case 413:
            return FailureKind.TOO_LARGE
        case 408 | 500 | 502 | 503 | 504 | 524:
            return FailureKind.TRANSIENT
        case status if 400 <= status < 500 and answer.is_json:
            # A page of some proxy says nothing about the record, so only JSON ends one.
            return FailureKind.REJECTED
        case _:
            return FailureKind.UNEXPECTED
