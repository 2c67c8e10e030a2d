"""A lane of one store: who works on it, until when, and what they took."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from integrations.domain.lanes import Lane

from . import statements
from .stores import Store

# Longer than the slowest batch (several calls of ten seconds each), short enough that a dead
# worker costs half a minute.
LEASE = timedelta(seconds=30)


class Claim(NamedTuple):
    """A lane that is ours until the lease runs out; every write checks the epoch."""

    pk: int
    store_id: int
    lane: Lane
    epoch: int
    # What the last holder had in hand when it died; empty when it ended well.
    orphans: list[int]
    batch_limit: int
    failures: int
    # Since when its oldest event is due.
    due_since: datetime


# Every lane with waiting rows, found by skipping through the partial index, one probe per lane.
# The first row of a lane is the one that is due earliest.
BUSY = """
WITH RECURSIVE busy AS (
  (SELECT store_id, lane, next_attempt_at FROM integrations_event
   WHERE state = 'waiting' ORDER BY store_id, lane, next_attempt_at LIMIT 1)
  UNION ALL
  SELECT following.* FROM busy CROSS JOIN LATERAL (
    SELECT store_id, lane, next_attempt_at FROM integrations_event
    WHERE state = 'waiting' AND (store_id, lane) > (busy.store_id, busy.lane)
    ORDER BY store_id, lane, next_attempt_at LIMIT 1) following
)"""
_FREE = """
  FROM integrations_storelane candidate
  JOIN busy ON busy.store_id = candidate.store_id AND busy.lane = candidate.lane
  JOIN integrations_store store ON store.id = candidate.store_id
  JOIN integrations_klaviyoaccount account ON account.id = store.klaviyo_account_id
  WHERE busy.next_attempt_at <= %(now)s
    AND candidate.lane BETWEEN %(highest)s AND %(lowest)s
    AND (candidate.lease_until IS NULL OR candidate.lease_until < %(now)s)
    AND (candidate.not_before IS NULL OR candidate.not_before <= %(now)s)
    AND store.paused_at IS NULL AND account.held_since IS NULL AND account.tripped_at IS NULL"""
_ANY_DUE = f"{BUSY} SELECT 1 {_FREE} LIMIT 1"
# The epoch is a clock's, so that no two claims share one even when the database forgets the last
# moments before it crashed (docs/adr/0013).
_CLAIM = f"""
{BUSY}, free AS (
  SELECT candidate.id, busy.next_attempt_at AS due_since {_FREE}
  ORDER BY CASE WHEN %(fair)s::boolean THEN 0 ELSE candidate.lane END, candidate.last_served_at
  LIMIT 1 FOR UPDATE OF candidate SKIP LOCKED
)
UPDATE integrations_storelane lane
SET lease_until = %(until)s, lease_by = %(by)s, last_served_at = %(now)s,
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM free WHERE lane.id = free.id
RETURNING lane.id, lane.store_id, lane.lane, lane.epoch, lane.in_hand, lane.batch_limit,
          lane.failures, free.due_since
"""


class Taken(NamedTuple):
    """What working off an event needs of it; quicker to read in bulk than a model."""

    pk: int
    topic: str
    body: bytes
    triggered_at: datetime | None
    received_at: datetime
    attempts: int
    failures: int
    # Past data only: the window it was read by, and whether flows may start because of it.
    window_id: int | None = None
    loud: bool = False

    @property
    def happened_at(self) -> datetime:
        """When the shop says that it happened; when it arrived, where the shop does not say."""
        return self.triggered_at or self.received_at


# One statement, so that what is in hand is on record before anybody looks at it. Sizes are read
# from the rows' headers, so no body is touched before it is wanted.
_TAKE = """
WITH due AS MATERIALIZED (
  SELECT * FROM (
    SELECT *, sum(octet_length(body)) OVER arrival AS bytes, row_number() OVER arrival AS place
    FROM (SELECT id, topic, body, triggered_at, received_at, attempts, failures, window_id, loud,
            next_attempt_at
          FROM integrations_event
          WHERE state = 'waiting' AND store_id = %(store)s AND lane = %(lane)s
            AND next_attempt_at <= %(now)s
          ORDER BY next_attempt_at, id LIMIT %(most)s) found
    WINDOW arrival AS (ORDER BY next_attempt_at, id)) sized
  WHERE bytes <= %(most_bytes)s OR place = 1
), mine AS (
  UPDATE integrations_storelane
  SET in_hand = ARRAY(SELECT id FROM due ORDER BY place), batch_limit = %(most)s,
      lease_until = %(until)s
  WHERE id = %(id)s AND epoch = %(epoch)s
  RETURNING 1
)
SELECT id, topic, body, triggered_at, received_at, attempts, failures, window_id, loud
FROM due CROSS JOIN mine ORDER BY place
"""


class StoreLaneQuerySet(models.QuerySet["StoreLane"]):
    """The verbs of a lane."""

    def claim(
        self,
        *,
        by: str,
        now: datetime,
        highest: Lane = Lane.LIVE,
        lowest: Lane = Lane.REPORT,
        fair: bool = False,
    ) -> Claim | None:
        """Take the free lane with due work that goes first, or None.

        Higher lanes than `highest` and lower ones than `lowest` are left alone; `fair` ignores
        the preference between lanes and serves whoever waited longest, so that nothing starves.
        """
        row = statements.run(
            _CLAIM,
            {
                "now": now,
                "until": now + LEASE,
                "by": by,
                "highest": int(highest),
                "lowest": int(lowest),
                "fair": fair,
            },
        ).fetchone()
        return Claim(row[0], row[1], Lane(row[2]), row[3], *row[4:]) if row else None

    def take(self, claim: Claim, *, most: int, most_bytes: int, now: datetime) -> list[Taken]:
        """Take the due events of a claimed lane in hand, oldest first, and read them.

        So many, and so many bytes of bodies; one is always taken, however large. Nothing when
        the lane is no longer ours.
        """
        values = {
            "store": claim.store_id,
            "lane": int(claim.lane),
            "now": now,
            "most": most,
            "most_bytes": most_bytes,
            "until": now + LEASE,
            "id": claim.pk,
            "epoch": claim.epoch,
        }
        # Binary, since the text form of a body is twice its size.
        found = statements.run(_TAKE, values, binary=True)
        return [Taken(*row) for row in found.fetchall()]

    def any_due(
        self, now: datetime, *, highest: Lane = Lane.LIVE, lowest: Lane = Lane.REPORT
    ) -> bool:
        """Whether any lane of these has due work that somebody could take."""
        with connection.cursor() as cursor:
            cursor.execute(_ANY_DUE, {"now": now, "highest": int(highest), "lowest": int(lowest)})
            return cursor.fetchone() is not None

    def owned(self, claim: Claim) -> "StoreLaneQuerySet":
        """The lane, if it is still ours."""
        return self.filter(pk=claim.pk, epoch=claim.epoch)


class StoreLane(models.Model):
    """One of the four lanes of a store. At most one worker holds it, so a store keeps its order."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="lanes")
    lane = models.SmallIntegerField(choices=[(lane.value, lane.name.lower()) for lane in Lane])
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.CharField(max_length=80, blank=True)
    epoch = models.BigIntegerField(default=0)
    in_hand = ArrayField(models.BigIntegerField(), default=list, blank=True)
    batch_limit = models.IntegerField(default=500)
    not_before = models.DateTimeField(null=True, blank=True)
    wait_reason = models.CharField(max_length=200, blank=True)
    failures = models.IntegerField(default=0)
    last_served_at = models.DateTimeField()
    # When something of it last came to its end, however it ended.
    progressed_at = models.DateTimeField(null=True, blank=True)

    objects = StoreLaneQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "lane"], name="store_lane_once"),
            models.CheckConstraint(
                condition=models.Q(batch_limit__gte=1), name="store_lane_batch_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store} · {Lane(self.lane).name.lower()}"
