"""Failed records: why they fail, which they are, and one in full."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain.explanations import explain
from integrations.domain.masking import mask_body, mask_text
from integrations.models import Attempt, Cause, DeadLetter, Store
from integrations.models.dead_letters import DeadLetterState
from integrations.pipeline import browsing
from integrations.pipeline.failed_lists import FailedFilter

from .access import Signed, answer, note_visit, signed_in


@signed_in
def failed_records(request: Signed) -> HttpResponse:
    """Every failed record that waits for a decision, and why."""
    wanted = FailedFilter.from_query(request.GET)
    page = browsing.failed_records(request.user, wanted, after=request.GET.get("after", ""))
    cards = browsing.causes(request.user, store=wanted.store)
    context = {
        "wanted": wanted,
        "cards": [(card, words_for(card.cause)) for card in cards],
        "rows": [(one, words_for(one.cause)) for one in page.rows],
        "page": page,
        "paged": bool(request.GET.get("after")),
        "states": DeadLetterState.choices,
        "stores": Store.objects.visible_to(request.user).order_by("name", "id")[:200],
        "now": timezone.now(),
    }
    return answer(request, "failed_records.html", context)


@signed_in
def failed_record(request: Signed, public_id: UUID) -> HttpResponse:
    """One failed record: what is wrong with it and what to do."""
    found = get_object_or_404(
        DeadLetter.objects.visible_to(request.user)
        .select_related("store", "cause", "event", "klaviyo_account")
        .defer("event__body"),
        public_id=public_id,
    )
    note_visit(request, found.store.merchant_id)
    context = {
        "failed": found,
        "store": found.store,
        "zone": found.store.time_zone,
        "words": words_for(found.cause),
        "tries": Attempt.objects.filter(event=found.event_id).order_by("at", "pk"),
        "answer": mask_text(found.answer),
        "payload": mask_body(bytes(found.payload)) if request.user.is_staff else "",
        "now": timezone.now(),
    }
    return answer(request, "failed_record.html", context)


def words_for(cause: Cause) -> object:
    """The sentence and the suggestion for a cause."""
    return explain(cause.platform, cause.code, field=cause.field, rule=cause.rule)
