"""What the pages about alerts show. Read-only."""

from datetime import datetime

from django.db.models import Case, IntegerField, Value, When

from integrations.domain.alerting import BLIND, AlertState, Severity
from integrations.models import Alert, User

from . import alerts, cursors, health
from .browsing import Page

PAGE = 50
# So many are open at most on one page; more of them have one cause, and the newest say it.
MOST_OPEN = 200


def page(user: User, *, over: bool, after: str) -> Page[Alert]:
    """What is open, the worst and oldest first; or one page of what is over, newest first."""
    rows = Alert.objects.visible_to(user).told()
    light = rows.select_related("merchant", "store", "klaviyo_account", "taken_by")
    if over:
        found = light.filter(state=AlertState.OVER)
        some, behind = cursors.page(found, "-pk", after=after, size=PAGE)
        return Page(some, behind, 0)
    open_ones = light.filter(state=AlertState.FIRING)
    worst = Case(
        When(severity=Severity.CRITICAL, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    ordered = list(open_ones.annotate(worst=worst).order_by("worst", "bad_since", "pk")[:MOST_OPEN])
    return Page(ordered, "", open_ones.count())


def count(user: User) -> int:
    """How many are open."""
    return Alert.objects.visible_to(user).filter(state=AlertState.FIRING).count()


def is_blind(*, now: datetime) -> bool:
    """Whether nobody has looked for so long that an empty list says nothing."""
    seen = health.seen_at(alerts.WATCHER)
    return seen is None or now - seen > BLIND
