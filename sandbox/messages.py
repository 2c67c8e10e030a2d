"""What goes in and out of a stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec


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
    def full_path(self) -> str:
        """The path with its query, for matching in scripts."""
        return self.path + "".join(f"&{name}={value}" for name, value in self.query.items())


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
