"""Shopify's GraphQL API: one document, one call, and every way it can say no."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.platforms.http import Answer, send

from . import API_VERSION

T = TypeVar("T")


class _Extensions(msgspec.Struct):
    code: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    extensions: _Extensions | None = None


class _ThrottleStatus(msgspec.Struct, rename="camel"):
    maximum_available: float = 0
    currently_available: float = 0
    restore_rate: float = 50


class _Cost(msgspec.Struct, rename="camel"):
    requested_query_cost: float = 0
    actual_query_cost: float | None = None
    throttle_status: _ThrottleStatus | None = None


class _Meta(msgspec.Struct):
    cost: _Cost | None = None
    search: list[dict[str, Any]] = []


class _Reply(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] | str = []
    extensions: _Meta | None = None


class Cost(msgspec.Struct, frozen=True):
    """What a query cost in points, and what the shop's bucket holds after it."""

    requested: float
    actual: float
    maximum: float
    available: float
    restore_rate: float


class Told(msgspec.Struct, Generic[T], frozen=True):
    """An answer and its price; no price where Shopify named none."""

    data: T
    cost: Cost | None


@lru_cache(maxsize=32)
def document(name: str) -> str:
    """The text of a GraphQL document beside this module."""
    return files(__package__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")


class Shopify:
    """One store's door; it makes calls and decides nothing."""

    def __init__(self, base_url: str, token: str) -> None:
        self._url = f"{base_url.rstrip('/')}/admin/api/{API_VERSION}/graphql.json"
        self._headers = {
            "X-Shopify-Access-Token": token,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def __repr__(self) -> str:
        return f"<Shopify at {self._url}>"

    def query(self, name: str, variables: Mapping[str, Any], shape: type[T]) -> T:
        """Run a document and read its data, as `ask` does. Raises PlatformError."""
        return self.ask(name, variables, shape).data

    def ask(self, name: str, variables: Mapping[str, Any], shape: type[T]) -> Told[T]:
        """Run a document and read its data and what it cost. Raises PlatformError.

        An answer with errors, with search warnings or without data is a failure, whatever its
        status says.
        """
        body = msgspec.json.encode({"query": document(name), "variables": variables})
        answer = send("POST", self._url, headers=self._headers, body=body)
        if failure := _failure_of_status(answer):
            raise PlatformError(failure)
        try:
            reply = msgspec.json.decode(answer.body, type=_Reply)
            if failure := _failure_of_reply(reply, answer):
                raise PlatformError(failure)
            return Told(msgspec.json.decode(reply.data, type=shape), _cost(reply))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise PlatformError(_unexpected(answer, str(exc))) from exc


def _failure_of_status(answer: Answer) -> Failure | None:
    if answer.status == 200:
        return None
    kind = {
        401: FailureKind.AUTH,
        402: FailureKind.AUTH,
        403: FailureKind.AUTH,
        404: FailureKind.AUTH,
        423: FailureKind.AUTH,
        429: FailureKind.RATE_LIMITED,
        430: FailureKind.RATE_LIMITED,
    }.get(
        answer.status,
        FailureKind.TRANSIENT if answer.status >= 500 else FailureKind.UNEXPECTED,
    )
    if answer.status == 403 and not answer.is_json:
        # The page of the proxy in front of Shopify, which says nothing about the shop.
        kind = FailureKind.TRANSIENT
    return Failure(
        kind,
        f"Shopify answered with status {answer.status}.",
        code=str(answer.status),
        status=answer.status,
        retry_after=_seconds(answer.headers.get("retry-after", "")),
        answer=answer.text,
    )


def _failure_of_reply(reply: _Reply, answer: Answer) -> Failure | None:
    if reply.errors:
        return _failure_of_errors(reply, answer)
    warnings = [
        one for one in (reply.extensions.search if reply.extensions else []) if one.get("warnings")
    ]
    if warnings:
        return Failure(
            FailureKind.UNEXPECTED,
            "Shopify ignored part of the search, so its answer is not the one that was asked for.",
            code="search_warning",
            status=answer.status,
            answer=answer.text,
        )
    if bytes(reply.data) == b"null":
        return _unexpected(answer, "Shopify answered without data.")
    return None


def _failure_of_errors(reply: _Reply, answer: Answer) -> Failure:
    first = reply.errors[0] if isinstance(reply.errors, list) else _Error(message=reply.errors)
    code = first.extensions.code if first.extensions else ""
    kind = {
        "THROTTLED": FailureKind.RATE_LIMITED,
        "ACCESS_DENIED": FailureKind.AUTH,
        "SHOP_INACTIVE": FailureKind.AUTH,
        "MAX_COST_EXCEEDED": FailureKind.TOO_LARGE,
        "INTERNAL_SERVER_ERROR": FailureKind.TRANSIENT,
    }.get(code, FailureKind.UNEXPECTED)
    return Failure(
        kind,
        first.message[:500],
        code=code or "errors",
        status=answer.status,
        retry_after=_throttle_wait(reply) if kind is FailureKind.RATE_LIMITED else None,
        answer=answer.text,
    )


def _cost(reply: _Reply) -> Cost | None:
    cost = reply.extensions.cost if reply.extensions else None
    if cost is None or cost.throttle_status is None:
        return None
    status = cost.throttle_status
    actual = cost.requested_query_cost if cost.actual_query_cost is None else cost.actual_query_cost
    return Cost(
        cost.requested_query_cost,
        actual,
        status.maximum_available,
        status.currently_available,
        status.restore_rate,
    )


def _throttle_wait(reply: _Reply) -> timedelta:
    """Until the bucket holds what the query asks for; Shopify: (requested - available) / rate."""
    cost = reply.extensions.cost if reply.extensions else None
    if cost is None or cost.throttle_status is None:
        return timedelta(seconds=1)
    missing = cost.requested_query_cost - cost.throttle_status.currently_available
    return timedelta(seconds=max(1.0, missing / max(cost.throttle_status.restore_rate, 1)))


def _unexpected(answer: Answer, message: str) -> Failure:
    return Failure(
        FailureKind.UNEXPECTED,
        message[:500],
        code="unexpected",
        status=answer.status,
        answer=answer.text,
    )


def _seconds(value: str) -> timedelta | None:
    """Shopify writes its waits as fractions of seconds too."""
    try:
        return timedelta(seconds=max(0.0, min(float(value), 3600)))
    except ValueError:
        return None
