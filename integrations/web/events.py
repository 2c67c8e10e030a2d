"""What came from a shop: the list, and the life of one message."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain import data_types, parameters
from integrations.domain.data_types import DataType
from integrations.models import Event, Store
from integrations.models.events import EventState
from integrations.pipeline import browsing, inspection
from integrations.platforms.shopify.topics import TITLES

from .access import Signed, answer, note_visit, signed_in


@signed_in
def events(request: Signed, public_id: UUID) -> HttpResponse:
    """The messages of one shop, newest first."""
    store = get_object_or_404(
        Store.objects.visible_to(request.user).select_related("klaviyo_account"),
        public_id=public_id,
    )
    note_visit(request, store.merchant_id)
    wanted = _wanted(request)
    context = {
        "store": store,
        "wanted": wanted,
        "states": EventState.choices,
        "state_label": dict(EventState.choices).get(wanted.state, ""),
        "data_type": data_types.WORDS[wanted.data_type] if wanted.data_type else "",
        "topics": browsing.topics(store, past=wanted.past),
        "page": browsing.events(store, wanted, after=request.GET.get("after", "")),
        "paged": bool(request.GET.get("after")),
        "now": timezone.now(),
    }
    return answer(request, "events.html", context)


@signed_in
def event(request: Signed, public_id: UUID) -> HttpResponse:
    """One message and all that came of it."""
    found = get_object_or_404(
        Event.objects.visible_to(request.user).select_related("store__klaviyo_account"),
        public_id=public_id,
    )
    note_visit(request, found.store.merchant_id)
    context = {
        "event": found,
        "store": found.store,
        "zone": found.store.time_zone,
        "lines": inspection.explain(found),
        "body": inspection.masked_body(found) if request.user.is_staff else "",
        "now": timezone.now(),
    }
    return answer(request, "event.html", context, live="event_live.html")


def _wanted(request: HttpRequest) -> browsing.EventFilter:
    """The filter an address asks for; what we do not know does not narrow."""
    state, topic = request.GET.get("state", ""), request.GET.get("topic", "")
    kind = request.GET.get("kind", "")
    window = parameters.identifier(request.GET.get("window", ""))
    return browsing.EventFilter(
        state=state if state in EventState.values else "",
        data_type=DataType(kind) if kind in set(DataType) else None,
        topic=topic if topic in TITLES or "/" in topic else "",
        since=parameters.moment(request.GET.get("since", "")),
        until=parameters.moment(request.GET.get("until", "")),
        text=request.GET.get("q", "").strip()[:200].replace("\x00", ""),
        past=request.GET.get("past") == "1" or window is not None,
        window=window,
    )
