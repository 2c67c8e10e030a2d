"""Repeatable chance, and the ids and times that go with it."""

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, Self, TypeVar

T = TypeVar("T")

FIRST_ID = 5_600_000_000_000
# Some ids no longer fit into a float; whoever reads JSON numbers as floats shall notice.
BEYOND_FLOAT = 2**53
EVERY_NTH_BEYOND = 40


class Chance(random.Random):
    """A seeded source of choices."""

    def __init__(self, seed: str, *, drawn: int = 0) -> None:
        self._salt = seed
        super().__init__(seed)
        self.drawn = drawn

    def __new__(cls, seed: str, *, drawn: int = 0) -> Self:
        """Take the arguments the base class does not know."""
        return super().__new__(cls)

    def often(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return self.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[self.randrange(len(choices))]

    def number(self) -> int:
        """Draw a fresh id."""
        self.drawn += 1
        own = FIRST_ID + self.drawn * 4096 + self.randrange(1, 4096) * 2 + 1
        return own + BEYOND_FLOAT if self.drawn % EVERY_NTH_BEYOND == 0 else own

    def token(self) -> str:
        """Draw something that looks like a secret and is none."""
        self.drawn += 1
        return hashlib.sha256(f"{self._salt}/{self.drawn}".encode()).hexdigest()[:32]


def gid(kind: str, number: int | str) -> str:
    """Write a global id."""
    return f"gid://shopify/{kind}/{number}"


def local(moment: datetime, zone: tzinfo) -> str:
    """Write an instant with the shop's own offset, as webhook bodies do."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def touched(body: dict[str, Any], at: str) -> dict[str, Any]:
    """Mark a body as changed."""
    body["updated_at"] = at
    return body
