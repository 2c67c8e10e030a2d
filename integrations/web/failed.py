"""Failed records: why they fail, and which they are."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.utils import timezone

from integrations.domain.permissions import Capability, allows
from integrations.models import Cause, Merchant, Store, User
from integrations.models.dead_letters import DeadLetterState
from integrations.models.group_repairs import RepairResult
from integrations.pipeline import (
    attention,
    binning,
    cause_pages,
    failed_lists,
    failed_pages,
    retention,
    roles,
)
from integrations.pipeline.cause_pages import Card
from integrations.pipeline.failed_lists import FailedFilter

from . import trends
from .access import Signed, answer, signed_in

# So few records of one reason are told of without tools to choose among them.
SIMPLE = 25


@signed_in
def failed_records(request: Signed) -> HttpResponse:
    """Every failed record that waits for a decision, and why."""
    wanted, now = FailedFilter.from_query(request.GET), timezone.now()
    page = failed_pages.page(request.user, wanted, after=request.GET.get("after", ""))
    context = {
        "wanted": wanted,
        "chosen": wanted.to_query(),
        # A second click on a button of the form finds what the first one made.
        "key": uuid4(),
        "reason": _reason(request, wanted),
        "outcome": RepairResult(wanted.outcome).label if wanted.outcome else "",
        "rows": [(one, one.cause.words) for one in page.rows],
        "page": page,
        "paged": bool(request.GET.get("after")),
        "states": DeadLetterState.choices,
        "kinds": failed_lists.KINDS.items(),
        "stores": Store.objects.visible_to(request.user).order_by("name", "id")[:200],
        "may": _may(request.user),
        "bin_days": binning.term().days,
        "leaving": retention.leaving(request.user, now=now),
        "now": now,
    }
    context |= _first(request, wanted, now)
    if not wanted.cause and not context["simple"]:
        context |= _reasons(request, wanted, now)
    return answer(request, "failed_records.html", context)


def _first(request: Signed, wanted: FailedFilter, now: datetime) -> dict[str, Any]:
    """What a merchant is told before the list; a few records of one reason need nothing else."""
    if wanted != FailedFilter() or request.user.is_staff or request.GET.get("after"):
        return {"simple": False}
    told = attention.of_person(request.user, now=now)
    is_simple = told is not None and told.reasons == 1 and told.number <= SIMPLE
    return {"attention": told, "simple": is_simple}


def _reasons(request: Signed, wanted: FailedFilter, now: datetime) -> dict[str, Any]:
    """The reasons beside the list: a page of those in use, and those that are folded away."""
    place = request.GET.get("reasons", "")
    found = cause_pages.beside_list(request.user, store=wanted.store, after=place, now=now)
    return {
        "reasons": found.working,
        "reasons_paged": bool(place),
        "cards": drawn(found.working.rows),
        "parked": found.parked,
        "parked_cards": drawn(found.parked_cards),
    }


def drawn(cards: Iterable[Card]) -> list[tuple[Card, object, trends.Trend]]:
    """Reasons with their words and their trend."""
    return [(card, card.cause.words, trends.draw(card.days)) for card in cards]


def _reason(request: Signed, wanted: FailedFilter) -> tuple[Cause, object] | None:
    """The one reason the list is narrowed to, where the person may see it."""
    if not wanted.cause:
        return None
    merchants = Merchant.objects.visible_to(request.user)
    found = Cause.objects.filter(pk=wanted.cause, merchant__in=merchants).first()
    return (found, found.words) if found else None


def _may(user: User) -> dict[str, bool]:
    """Which buttons a person finds; each page behind them asks once more, for its merchant."""
    merchants = [None] if user.is_staff else [*Merchant.objects.visible_to(user)[:20]]
    wanted = {
        "send": Capability.SEND_AGAIN,
        "repair": Capability.REPAIR,
        "bin": Capability.BIN,
        "export": Capability.EXPORT_FAILED,
        "hand_in": Capability.IMPORT_FAILED,
    }
    held = [roles.role_of(user, one) for one in merchants]
    return {
        name: any(allows(role, capability) for role in held) for name, capability in wanted.items()
    }
