"""Reading and writing the ledger in bulk: one query to know, one statement to remember."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from django.db import connection

from integrations.domain.operations import Profile, TrackEvent
from integrations.domain.planning import Held
from integrations.models import Store, statements


class Entry(msgspec.Struct, gc=False):
    """One row of a batch's as the ledger should hold it; `call` is its place among the calls."""

    kind: str
    identity: str
    source_id: str
    profile: str
    fingerprint: bytes
    version: datetime
    present: bool
    event_id: int | None
    call: int | None
    window_id: int | None = None
    # Klaviyo was asked to create it, and may be asked to remove it again.
    made: bool = False


_COLUMNS = """klaviyo_account_id, store_id, kind, identity, source_id, profile, fingerprint,
  version, present, accepted_at, origin, event_id, call_id, window_id, made"""
# A batch asks for thousands of names, and a list is written far quicker as JSON than as an array.
_READ = """
SELECT identity, source_id, fingerprint, version, present FROM integrations_delivery
WHERE klaviyo_account_id = %s
  AND identity = ANY(ARRAY(SELECT json_array_elements_text(%s::json)))
"""
_READ_BUYERS = """
SELECT source_id, profile FROM integrations_delivery
WHERE klaviyo_account_id = %s AND identity = ANY(%s) AND profile <> ''
"""
# Waits for the disk, whatever the connection's habit: this choice must survive everything.
_RESERVE = """
SET LOCAL synchronous_commit TO on;
INSERT INTO integrations_delivery (klaviyo_account_id, store_id, kind, identity, source_id, profile,
  fingerprint, version, present, accepted_at, origin)
SELECT %s, %s, kind, identity, source_id, profile, '', %s, false, %s, 0
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
  AS wanted(kind, identity, source_id, profile)
ORDER BY identity
ON CONFLICT (klaviyo_account_id, identity) DO NOTHING
"""
# What is told later is always newer than what was only kept free.
OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
# Two lanes may tell of the same people: in one order, neither waits for the other in a circle.
# An older version never overwrites a newer one, whoever settles last.
MERGE = f"""
INSERT INTO integrations_delivery AS known ({_COLUMNS})
{{source}}
ON CONFLICT (klaviyo_account_id, identity) DO UPDATE
SET fingerprint = excluded.fingerprint, version = excluded.version, present = excluded.present,
    accepted_at = excluded.accepted_at, confirmed_at = NULL, store_id = excluded.store_id,
    origin = excluded.origin, event_id = excluded.event_id, call_id = excluded.call_id,
    window_id = excluded.window_id,
    made = excluded.made
      OR (known.made AND known.present
          AND known.window_id IS NOT DISTINCT FROM excluded.window_id)
WHERE known.version <= excluded.version
"""


def read(account_id: int, identities: Iterable[str]) -> dict[str, Held]:
    """What Klaviyo has been told under these identities."""
    wanted = list(identities)
    if not wanted:
        return {}
    names = msgspec.json.encode(wanted).decode()
    found = statements.run(_READ, (account_id, names)).fetchall()
    return {row[0]: Held(row[1], bytes(row[2]), row[3], row[4]) for row in found}


def reserve(store: Store, events: list[TrackEvent], *, now: datetime) -> dict[str, Held]:
    """Keep each identity for its event, unless somebody has it; returns who has them now.

    The row says that nothing was told yet, and the settling of the event completes it.
    """
    if not events:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _RESERVE,
            [
                store.klaviyo_account_id,
                store.pk,
                OLDEST,
                now,
                [event.kind.value for event in events],
                [event.identity for event in events],
                [event.source_id for event in events],
                [event.profile.key for event in events],
            ],
        )
    return read(store.klaviyo_account_id, [event.identity for event in events])


def read_buyers(account_id: int, scope: str, orders: Iterable[str]) -> dict[str, Profile]:
    """Whom each of these orders was attached to."""
    identities = [f"placed_order:{scope}:{order}" for order in orders]
    if not identities:
        return {}
    found = statements.run(_READ_BUYERS, (account_id, identities)).fetchall()
    return {order: Profile.from_key(profile) for order, profile in found}
