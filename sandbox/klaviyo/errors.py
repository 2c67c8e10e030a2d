"""Refusals in the shape Klaviyo gives them."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.messages import Reply

MEDIA_TYPE = "application/vnd.api+json"


class Refusal(Exception):
    """A call that Klaviyo does not accept, with the answer it gets."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        pointer: str = "/data",
        code: str = "invalid",
        title: str = "Invalid input.",
        meta: dict[str, Any] | None = None,
        parameter: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer = status, detail, pointer
        self.code, self.title, self.meta = code, title, meta or {}
        self.parameter, self.headers = parameter, headers or {}
        self.others: list[Refusal] = []

    def error(self, *, with_pointer: bool = True) -> dict[str, Any]:
        """Write the one error object of the answer."""
        source = {"parameter": self.parameter} if self.parameter else {"pointer": self.pointer}
        return {
            "id": str(uuid.uuid4()),
            "status": self.status,
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "source": source if with_pointer else {},
            "links": {},
            "meta": self.meta,
        }

    def reply(self, *, with_pointer: bool = True) -> Reply:
        """Write the answer."""
        errors = [refusal.error(with_pointer=with_pointer) for refusal in [self, *self.others]]
        return Reply(self.status, {"errors": errors}, self.headers, MEDIA_TYPE)


def unauthorized() -> Refusal:
    """Refuse a key that opens nothing."""
    return Refusal(
        401,
        "The API key specified is invalid.",
        code="authentication_failed",
        title="Incorrect authentication credentials.",
        pointer="/data/",
    )


def not_found(what: str) -> Refusal:
    """Refuse to show what is not there."""
    return Refusal(404, f"{what} does not exist.", code="not_found", title="Not found.")


def too_large(detail: str) -> Refusal:
    """Refuse a body beyond the limit."""
    return Refusal(413, detail, code="payload_too_large", title="Request entity too large.")


def throttled(seconds: int) -> Refusal:
    """Refuse a call beyond the budget."""
    unit = "second" if seconds == 1 else "seconds"
    return Refusal(
        429,
        f"Request was throttled. Expected available in {seconds} {unit}.",
        code="throttled",
        title="Request was throttled.",
        headers={"Retry-After": str(seconds)},
    )


def duplicate_profile(profile_id: str) -> Refusal:
    """Refuse identifiers that belong to another profile."""
    return Refusal(
        409,
        "A profile already exists with one of these identifiers.",
        code="duplicate_profile",
        title="Conflict.",
        pointer="/data/attributes",
        meta={"duplicate_profile_id": profile_id},
    )


def ok(body: Any, status: int = 200, **headers: str) -> Reply:
    """Answer with a document."""
    return Reply(status, body, headers, MEDIA_TYPE)


def accepted() -> Reply:
    """Taken in, not yet processed; nothing in the body to follow it by."""
    return Reply(202, None, {}, MEDIA_TYPE)
