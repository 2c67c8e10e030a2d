"""Reading a Klaviyo collection to its end, page after page."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.platforms.http import Answer

from .answers import failure_of
from .client import Klaviyo

T = TypeVar("T")

# No account has so many of anything we list; more would be a page that repeats itself.
MOST_PAGES = 20


class _Links(msgspec.Struct):
    next: str | None = None


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    links: _Links | None = None


def read_all(client: Klaviyo, path: str, shape: type[T]) -> Iterator[T]:
    """Yield every entry below an address. Raises PlatformError.

    Klaviyo: `links.next` is followed word for word. A list that does not end is a failure, since
    half a list must not be taken for a whole one.
    """
    for _ in range(MOST_PAGES):
        page = _page(client.get(path))
        for raw in page.data:
            yield _entry(raw, shape)
        following = (page.links.next if page.links else None) or ""
        _, found, path = following.partition("/api/")
        if not found:
            return
    raise PlatformError(
        Failure(FailureKind.UNEXPECTED, "Klaviyo's list does not end.", "endless_list")
    )


def _page(answer: Answer) -> _Page:
    if failure := failure_of(answer):
        raise PlatformError(failure)
    try:
        return msgspec.json.decode(answer.body, type=_Page)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise PlatformError(_strange(answer.status, str(exc))) from exc


def _entry(raw: msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise PlatformError(_strange(200, str(exc))) from exc


def _strange(status: int, message: str) -> Failure:
    return Failure(FailureKind.UNEXPECTED, message[:500], "unexpected", status=status)
