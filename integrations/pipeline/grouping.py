"""Which reason a failure belongs to: found, or made when it is new."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.db import connection

from integrations.domain.causes import Part, part_for
from integrations.models import Cause, Store

# A group that was split is seen by its own records alone; which part a failure belongs to is
# looked up then, and only then.
_GROUP = """
INSERT INTO integrations_cause AS known
  (merchant_id, platform, code, field, rule, first_seen_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (merchant_id, platform, code, field, rule, part)
DO UPDATE SET last_seen_at = CASE
  WHEN EXISTS (SELECT 1 FROM integrations_cause part WHERE part.split_from_id = known.id)
  THEN known.last_seen_at ELSE greatest(known.last_seen_at, excluded.last_seen_at) END
RETURNING id, EXISTS (SELECT 1 FROM integrations_cause part WHERE part.split_from_id = known.id)
"""
_SEEN = "UPDATE integrations_cause SET last_seen_at = greatest(last_seen_at, %s) WHERE id = %s"


class _Group(msgspec.Struct):
    """A reason as failures of one batch find it."""

    cause: int
    parts: Iterable[Part]


class Grouping:
    """The reasons of one shop's failures; each is looked up once, however many share it."""

    def __init__(self, store: Store, *, now: datetime) -> None:
        self.store, self.now = store, now
        self._groups: dict[tuple[str, str, str, str], _Group] = {}
        self._seen: set[int] = set()

    def find(self, platform: str, code: str, field: str, rule: str, *, message: str = "") -> int:
        """The id of the group, or of its part, that a failure belongs to."""
        name = (platform, code[:80], field[:160], rule[:80])
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = self._group(name)
        if not group.parts:
            return group.cause
        found = part_for(group.parts, store=self.store.pk, message=message) or group.cause
        self._note(found)
        return found

    def _group(self, name: tuple[str, str, str, str]) -> _Group:
        with connection.cursor() as cursor:
            cursor.execute(_GROUP, [self.store.merchant_id, *name, self.now, self.now])
            pk, parted = cursor.fetchone()
        return _Group(pk, _parts(pk) if parted else ())

    def _note(self, cause: int) -> None:
        if cause not in self._seen:
            self._seen.add(cause)
            with connection.cursor() as cursor:
                cursor.execute(_SEEN, [self.now, cause])


def _parts(cause: int) -> list[Part]:
    rows = Cause.objects.filter(split_from=cause).order_by("pk")
    return [Part(one.pk, one.split_store_id, one.split_text) for one in rows]
