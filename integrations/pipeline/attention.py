"""What a merchant is told first about failed records: how many, why, and the one safe step."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from django.db.models import Sum
from django.db.models.functions import Coalesce

from integrations.domain.explanations import Explanation
from integrations.domain.friction import MOST_AT_ONCE
from integrations.domain.permissions import Capability
from integrations.domain.replay_words import SAFE, was_refused
from integrations.models import Cause, CauseCount, DeadLetter, Merchant, Store, User
from integrations.models.dead_letters import DeadLetterState

from . import repairs, replay_forecasts, roles


class Attention(msgspec.Struct):
    """Failed records of a business or of one shop, as its people should hear of them."""

    store: Store | None
    number: int
    # How many reasons there are, and the one that stops most.
    reasons: int
    most: int
    words: Explanation
    # Named by the button, so that nothing goes out that was not counted.
    safe: Sequence[UUID]
    # Few enough to have been looked at one by one.
    looked: bool
    may_send: bool
    key: UUID

    @property
    def others(self) -> int:
        """How many reasons there are besides the first."""
        return self.reasons - 1


def of_person(user: User, *, store: Store | None = None, now: datetime) -> Attention | None:
    """What somebody should hear of one shop, or of their business; None where nothing failed.

    Staff see many businesses, and hear of one only on a shop's page.
    """
    merchant = store.merchant if store else _only_merchant(user)
    return _of(merchant, store, user, now) if merchant else None


def _of(merchant: Merchant, store: Store | None, user: User, now: datetime) -> Attention | None:
    counts = CauseCount.objects.filter(
        cause__merchant=merchant, state=DeadLetterState.OPEN, records__gt=0
    )
    if store:
        counts = counts.filter(store=store)
    rows = list(
        # Merged reasons are one.
        counts.values(reason=Coalesce("cause__merged_into", "cause"))
        .annotate(n=Sum("records"))
        .order_by("-n", "reason")
    )
    if not rows:
        return None
    number = sum(row["n"] for row in rows)
    cause = Cause.objects.get(pk=rows[0]["reason"])
    looked = number <= MOST_AT_ONCE
    return Attention(
        store=store,
        number=number,
        reasons=len(rows),
        most=rows[0]["n"],
        words=cause.words,
        safe=_safe(merchant, store, now) if looked else [],
        looked=looked,
        may_send=roles.may(user, Capability.SEND_AGAIN, merchant),
        key=uuid4(),
    )


def _safe(merchant: Merchant, store: Store | None, now: datetime) -> list[UUID]:
    """Those that can be sent again without harm, and are not just refused once more."""
    letters = DeadLetter.objects.open().filter(store__merchant=merchant)
    if store:
        letters = letters.filter(store=store)
    rows = letters.order_by("-pk").values_list("pk", "public_id", "status")[:MOST_AT_ONCE]
    repaired = repairs.current(pk for pk, *_ in rows)
    hopeful = {
        pk: public_id for pk, public_id, status in rows if pk in repaired or not was_refused(status)
    }
    seen = replay_forecasts.outlooks(list(hopeful), now=now) if hopeful else {}
    return [public_id for pk, public_id in hopeful.items() if seen[pk].prospect in SAFE]


def _only_merchant(user: User) -> Merchant | None:
    if user.is_staff:
        return None
    mine = list(Merchant.objects.visible_to(user)[:2])
    return mine[0] if len(mine) == 1 else None
