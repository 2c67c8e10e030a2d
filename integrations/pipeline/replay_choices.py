"""From what somebody ticked or filtered to a replay that is written down, or begun where safe."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Count

from integrations.domain.friction import MOST_AT_ONCE
from integrations.domain.replay_words import SAFE, UNKNOWN
from integrations.domain.replays import Prospect, ReplayState
from integrations.models import DeadLetter, Membership, Merchant, Replay, ReplayItem, Store, User

from . import failed_lists, replay_forecasts, replay_lists, replays
from .audit import Actor
from .failed_lists import FailedFilter

Act = Callable[[], object]

# One page of a list is far less; more are chosen by a filter.
MOST_NAMED = 1_000


class Choice(NamedTuple):
    """Who chooses, for whom and when; the key makes a second click find the first."""

    user: User
    merchant: Merchant
    by: Actor
    key: UUID
    now: datetime


def merchants_of(user: User, ids: Sequence[UUID]) -> list[int]:
    """The businesses whose failed records were named, of those a person may see."""
    rows = DeadLetter.objects.visible_to(user).filter(public_id__in=ids[:MOST_NAMED])
    return list(rows.values_list("store__merchant", flat=True).distinct().order_by()[:2])


def merchants_behind(user: User, wanted: FailedFilter) -> list[int]:
    """The businesses a filter selects open records of: none, one, or the first two of several."""
    stores = Store.objects.visible_to(user)
    if not user.is_staff and Membership.objects.filter(user=user).count() == 1:
        return list(stores.values_list("merchant", flat=True).distinct()[:1])
    if wanted.store:
        return list(stores.filter(public_id=wanted.store).values_list("merchant", flat=True))
    if wanted.cause:
        mine = stores.filter(merchant__causes=wanted.cause)
        return list(mine.values_list("merchant", flat=True).distinct())
    rows = failed_lists.rows(user, wanted).open()
    return list(rows.values_list("store__merchant", flat=True).distinct().order_by()[:2])


def key_of(form: UUID, wanted: FailedFilter, ids: Sequence[UUID]) -> UUID:
    """The key of one choice on one page: whoever goes back and chooses others makes a new plan."""
    named, parts = sorted(str(one) for one in ids), sorted(wanted.to_query().items())
    return uuid5(form, str(named or parts))


def choose(choice: Choice, wanted: FailedFilter, ids: Sequence[UUID]) -> Replay:
    """Write down the records that were named, or all that match. Raises Refused."""
    if not ids:
        return replays.draft(
            choice.user,
            wanted,
            merchant=choice.merchant,
            by=choice.by,
            key=choice.key,
            now=choice.now,
        )
    letters = (
        DeadLetter.objects.visible_to(choice.user)
        .open()
        .filter(public_id__in=ids[:MOST_NAMED], store__merchant=choice.merchant)
        .defer("payload", "answer")
        .order_by("-pk")
    )
    return replays.draft_of(
        list(letters), merchant=choice.merchant, by=choice.by, key=choice.key, now=choice.now
    )


def begin_if_safe(choice: Choice, replay: Replay) -> bool:
    """Begin at once when every record can be sent again without harm. Raises Refused."""
    if replay.state != ReplayState.DRAFT or not 0 < replay.total <= MOST_AT_ONCE:
        return False
    letters = list(replay.items.values_list("dead_letter", flat=True))
    seen = replay_forecasts.outlooks(letters, now=choice.now)
    if not all(one.prospect in SAFE for one in seen.values()):
        return False
    replays.start(replay, confirmed=replay.total, by=choice.by, user=choice.user, now=choice.now)
    return True


def keep_safe(replay: Replay) -> int:
    """Take out of a plan what is known to fail, count twice or have no content; returns how many.

    A plan of which nothing would be left stays as it is.
    """
    harmful = [one for one in Prospect if one not in SAFE]
    with transaction.atomic():
        planned = Replay.objects.select_for_update().filter(pk=replay.pk, state=ReplayState.DRAFT)
        replay = planned.select_related("merchant").first() or Replay()
        # While it is looked at, what is counted and what is listed must not come apart.
        if replay.forecast_at is None:
            return 0
        counts = replay_lists.planned(replay)
        if not sum(counts[one] for one in [*SAFE, UNKNOWN]):
            return 0
        gone, _ = ReplayItem.objects.filter(replay=replay, prospect__in=harmful).delete()
        left = ReplayItem.objects.filter(replay=replay).aggregate(n=Count("pk"))["n"]
        known = replay.forecast | dict.fromkeys([one.value for one in harmful], 0)
        Replay.objects.filter(pk=replay.pk).update(total=left, forecast=known)
    return gone
