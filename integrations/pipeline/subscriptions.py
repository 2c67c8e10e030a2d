"""Keeping what a shop sends us as we want it: made on connecting, looked at each hour."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from integrations.domain import subscribing
from integrations.domain.failures import FailureKind, PlatformError
from integrations.domain.subscribing import Action, Do, Found
from integrations.models import Credential, Store, Subscription
from integrations.models.credentials import CredentialState
from integrations.platforms.shopify import subscriptions as remote
from integrations.platforms.shopify.client import Shopify
from integrations.platforms.shopify.wanted import WANTED

from . import audit, gaps, logins

log = logging.getLogger(__name__)

AUDIT_EVERY = timedelta(hours=1)
# After a failure that may pass by itself.
AUDIT_AGAIN = timedelta(minutes=5)
# Other tasks share the worker; whatever is left is due again a minute later.
LONGEST_ROUND = timedelta(seconds=20)
USABLE = (CredentialState.ACTIVE, CredentialState.MISSING_SCOPES)

NO_ADDRESS = "The console does not know its own address on the internet (PUBLIC_URL)."
STOPPED_SENDING = "The shop had stopped sending these messages."


class Report(msgspec.Struct):
    """What a look at a shop's subscriptions found and did, by topic."""

    kept: list[str] = []
    made: list[str] = []
    corrected: list[str] = []
    removed: list[str] = []
    # topic -> why the shop does not send it.
    refused: dict[str, str] = {}
    # topic -> the id the shop gave it.
    ids: dict[str, str] = {}
    # What kept us from looking, or from finishing.
    trouble: str = ""

    @property
    def present(self) -> int:
        """How many of the wanted topics the shop sends now."""
        return len(self.ids)

    @property
    def wanted(self) -> int:
        """How many there should be."""
        return len(WANTED)


def place_of(store: Store) -> str:
    """Where this store's messages arrive, without the host."""
    return reverse("shopify-webhook", args=[store.public_id])


def address_of(store: Store) -> str:
    """Where this store's messages are to be sent; empty when we do not know our own address."""
    return f"{settings.PUBLIC_URL}{place_of(store)}" if settings.PUBLIC_URL else ""


def count_present(store: Store, *, now: datetime) -> int:
    """Ask the shop how many of the wanted messages it sends here. Raises PlatformError."""
    address = address_of(store)
    found = logins.ask_shop(store, _found, now=now)
    return len({one.topic for one in found if one.uri == address})


def subscribe(store: Store, *, now: datetime) -> Report:
    """See to it that the shop sends everything we want. Raises PlatformError."""
    if address_of(store):
        report = logins.ask_shop(
            store, lambda client: _bring_in_line(store, client, now=now), now=now
        )
    else:
        report = Report(trouble=NO_ADDRESS)
    _note_look(store, report.trouble, due=now + AUDIT_EVERY, now=now)
    return report


def audit_due(*, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> int:
    """Look at the shops whose hour is over; returns at how many."""
    looked, end = 0, clock() + LONGEST_ROUND
    while clock() < end and not stopping():
        store = _claim(clock())
        if store is None:
            break
        look(store, now=clock())
        looked += 1
    return looked


def look(store: Store, *, now: datetime) -> Report:
    """Compare and repair one shop's subscriptions; every way to fail is noted on the store."""
    try:
        return subscribe(store, now=now)
    except PlatformError as exc:
        failure = exc.failure
        trouble, due = failure.message, now + AUDIT_AGAIN
        if failure.kind is FailureKind.RATE_LIMITED:
            trouble, due = "", now + (failure.retry_after or AUDIT_AGAIN)
        elif failure.kind is FailureKind.AUTH:
            # The login itself is looked after elsewhere; asking more often changes nothing.
            due = now + AUDIT_EVERY
        log.warning(
            "subscriptions.unseen",
            extra={"store": store.pk, "kind": failure.kind.value, "code": failure.code},
        )
        _note_look(store, trouble, due=due, now=now, done=False)
        return Report(trouble=trouble)


def _claim(now: datetime) -> Store | None:
    """Take the store that is most overdue, by moving its time: two rounds never take the same."""
    due = Store.objects.filter(
        Q(subscriptions_due_at=None) | Q(subscriptions_due_at__lte=now),
        credential__state__in=USABLE,
    )
    for store in due.order_by(F("subscriptions_due_at").asc(nulls_first=True), "pk")[:10]:
        mine = Store.objects.filter(pk=store.pk, subscriptions_due_at=store.subscriptions_due_at)
        if mine.update(subscriptions_due_at=now + AUDIT_EVERY):
            return store
    return None


def _note_look(
    store: Store, trouble: str, *, due: datetime, now: datetime, done: bool = True
) -> None:
    changes: dict[str, object] = {"subscriptions_due_at": due, "subscriptions_trouble": trouble}
    if done:
        changes["subscriptions_checked_at"] = now
    Store.objects.filter(pk=store.pk).update(**changes)


# --- comparing and repairing ---------------------------------------------------------------------


def _bring_in_line(store: Store, client: Shopify, *, now: datetime) -> Report:
    before = _rows(store)
    report, found = Report(), _found(client)
    actions = subscribing.plan(
        WANTED,
        found,
        address=address_of(store),
        place=place_of(store),
        known={topic: row.remote_id for topic, row in before.items() if row.remote_id},
        scopes=_scopes(store),
    )
    interrupted: PlatformError | None = None
    for action in actions:
        try:
            _do(client, action, address_of(store), report)
        except PlatformError as exc:
            if not _of_this_topic(exc):
                interrupted = exc
                break
            report.refused[action.topic] = _why(action, exc)
    # What was done is kept, whatever came after it.
    _settle(store, report, actions, before, now=now)
    if interrupted:
        raise interrupted
    return report


def _rows(store: Store) -> dict[str, Subscription]:
    return {row.topic: row for row in Subscription.objects.filter(store=store)}


def _found(client: Shopify) -> list[Found]:
    """What the shop has, with topics named as in messages; of other topics nothing is known."""
    names = {remote.enum_of(topic): topic for topic in WANTED}
    return [
        Found(one.id, names[one.topic], one.uri)
        for one in remote.read_all(client)
        if one.topic in names
    ]


def _scopes(store: Store) -> frozenset[str]:
    found = Credential.objects.filter(store=store).values_list("scopes", flat=True).first()
    return frozenset(found or ())


def _do(client: Shopify, action: Action, address: str, report: Report) -> None:
    match action.do:
        case Do.KEEP:
            report.kept.append(action.topic)
            report.ids[action.topic] = action.id
        case Do.MAKE:
            made = report.ids[action.topic] = _make(client, action.topic, address)
            (report.made if made else report.kept).append(action.topic)
        case Do.CORRECT:
            report.ids[action.topic] = _correct(client, action, address)
            report.corrected.append(action.topic)
        case Do.REMOVE:
            remote.remove(client, action.id)
            report.removed.append(action.topic)
        case Do.REFUSE:
            report.refused[action.topic] = missing(action.scope)


def _make(client: Shopify, topic: str, address: str) -> str:
    try:
        return remote.create(client, topic, address).id
    except PlatformError as exc:
        if exc.failure.code != remote.TAKEN:
            raise
        # Another look made it a moment ago, and writes down what there is to say of it.
        return ""


def _correct(client: Shopify, action: Action, address: str) -> str:
    try:
        return remote.correct(client, action.id, address).id
    except PlatformError as exc:
        if exc.failure.code != remote.MISSING:
            raise
        return _make(client, action.topic, address)


def _of_this_topic(exc: PlatformError) -> bool:
    """Whether only this topic is refused, and the others may still be asked for."""
    return exc.failure.kind is FailureKind.REJECTED or exc.failure.code == "ACCESS_DENIED"


def _why(action: Action, exc: PlatformError) -> str:
    scope = WANTED.get(action.topic, "")
    if exc.failure.code == "ACCESS_DENIED" and scope:
        return missing(scope)
    return exc.failure.message


def missing(scope: str) -> str:
    """Why a topic is not sent, when it is for want of a permission."""
    return f"The permission {scope} is missing."


# --- writing it down -----------------------------------------------------------------------------


@transaction.atomic
def _settle(
    store: Store,
    report: Report,
    actions: list[Action],
    before: dict[str, Subscription],
    *,
    now: datetime,
) -> None:
    # Two may look at once; each writes upon what the other has written.
    Store.objects.select_for_update(no_key=True).get(pk=store.pk)
    rows = _rows(store)
    address = address_of(store)
    doing = {one.topic: one.do for one in actions if one.do is not Do.REMOVE}
    gone: dict[str, datetime] = {}
    for topic in WANTED:
        row = rows.get(topic) or Subscription(store=store, topic=topic)
        known = before.get(topic)
        since = known and (known.gone_since or known.seen_at)
        if known and since and _is_away(doing[topic], known, row, report, address):
            gone[topic] = since
            row.times_gone += row.gone_since is None
            row.gone_since = since
        trouble = report.refused.get(topic, "")
        if trouble and trouble != row.trouble:
            audit.record(
                "subscription.refused",
                store,
                by=audit.AUTOMATIC,
                now=now,
                subject=topic,
                reason=trouble,
            )
        row.trouble = trouble
        if topic in report.ids:
            _present(row, report, address, now)
        row.save()
    _tell(store, report, gone, now)
    if gone:
        still = any(topic not in report.ids for topic in gone)
        gaps.note(
            store,
            since=min(gone.values()),
            until=None if still else now,
            topics=[] if len(gone) == len(WANTED) else sorted(gone),
            cause=STOPPED_SENDING,
            now=now,
        )


def _is_away(do: Do, known: Subscription, row: Subscription, report: Report, address: str) -> bool:
    """Whether the shop had stopped sending it, and it is for this look to say so."""
    if do is Do.CORRECT:
        # Led elsewhere by somebody, and not by our own address having changed. Another look that
        # was faster has said it.
        return known.uri == address and row.seen_at == known.seen_at
    # What another look has made again, that look tells.
    return do in {Do.MAKE, Do.REFUSE} and row.topic not in report.kept


def _present(row: Subscription, report: Report, address: str, now: datetime) -> None:
    if row.topic in report.made:
        row.made_at = now
    row.remote_id, row.uri = report.ids[row.topic] or row.remote_id, address
    row.seen_at, row.gone_since = now, None


def _tell(store: Store, report: Report, gone: dict[str, datetime], now: datetime) -> None:
    """One entry for each kind of change, never one for a look that changed nothing."""
    again = [topic for topic in report.made if topic in gone]
    first = [topic for topic in report.made if topic not in gone]
    for action, topics in (
        ("subscriptions.made", first),
        ("subscriptions.restored", again),
        ("subscriptions.corrected", report.corrected),
        ("subscriptions.removed", report.removed),
    ):
        if topics:
            before = {topic: gone[topic].isoformat() for topic in topics if topic in gone}
            audit.record(
                action,
                store,
                by=audit.AUTOMATIC,
                now=now,
                before={"gone_since": before} if before else {},
                after={"topics": sorted(topics)},
            )
