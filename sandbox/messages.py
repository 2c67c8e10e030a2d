"""What goes in and out of a stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec

FORM = "application/x-www-form-urlencoded"


class Drop(Enum):
    """A connection closed without an answer: before or after the call took effect."""

    BEFORE = "dropped before"
    AFTER = "dropped after"


@dataclass(frozen=True)
class Call:
    """One HTTP request as it came; header names are lowercase."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def is_form(self) -> bool:
        """Whether the body came from an HTML form, or looks as if it had."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What the body says by name, whether it came as a form or as JSON."""
        if self.is_form:
            return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))
        return msgspec.json.decode(self.body, type=dict[str, Any]) if self.body else {}

    @property
    def full_path(self) -> str:
        """The path with its query, for matching in scripts."""
        return self.path + "".join(f"&{name}={value}" for name, value in self.query.items())


@dataclass(frozen=True)
class Part:
    """A stretch of a file as the body of an answer; `breaks_at` is where the connection breaks."""

    path: Path
    start: int
    length: int
    breaks_at: int | None = None


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    @property
    def raw(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else msgspec.json.encode(self.body)
