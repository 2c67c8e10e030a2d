"""What the pages of a reconnect show: read-only."""

from datetime import datetime

import msgspec
from django.db.models import Count, Min, Q

from integrations.domain import logins
from integrations.domain.reconnecting import Progress, Step, is_soft
from integrations.models import (
    Credential,
    Event,
    Gap,
    KlaviyoAccount,
    Reconnection,
    Store,
    Subscription,
)
from integrations.models.credentials import CredentialKind
from integrations.models.events import EventState

from . import gaps, reconnecting


class Kept(msgspec.Struct):
    """What waits of one shop, and since when."""

    store: Store
    count: int
    since: datetime | None


class Outcome(msgspec.Struct):
    """What became of the messages of one shop that a reconnect let go on."""

    store: Store
    since: datetime
    until: datetime
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """Those that are still on their way."""
        return self.counts.get(EventState.WAITING, 0)


class StartPage(msgspec.Struct):
    """What somebody should know before they reconnect."""

    login: Credential | None
    sentence: str
    # Whether there is an old login that works and would have to be let go.
    works: bool
    with_key: bool
    kept: list[Kept]
    last_message_at: datetime | None
    gone: list[Subscription]

    @property
    def waiting(self) -> int:
        """How many messages wait in all."""
        return sum(one.count for one in self.kept)

    @property
    def gone_since(self) -> datetime | None:
        """Since when the first of its messages is missing."""
        return min((one.gone_since for one in self.gone if one.gone_since), default=None)


class WizardPage(msgspec.Struct):
    """Where a reconnect stands."""

    progress: Progress
    step: Step
    soft: bool
    rest_seconds: int
    login: Credential | None
    kept: list[Kept]
    outcomes: list[Outcome]
    gaps: list[Gap]

    @property
    def waiting(self) -> int:
        """How many messages wait in all."""
        return sum(one.count for one in self.kept)

    @property
    def running(self) -> bool:
        """Whether looking again soon shows something new."""
        return self.step is Step.REST or any(one.waiting for one in self.outcomes)

    @property
    def with_key(self) -> bool:
        """Whether the login is a private key of Klaviyo."""
        return _is_key(self.login)


def start_page(target: Store | KlaviyoAccount) -> StartPage:
    """Read what is known before a reconnect."""
    login = reconnecting.login_of(target)
    stores = _stores(target)
    gone = Subscription.objects.filter(store__in=stores).exclude(gone_since=None)
    latest = Event.objects.live().filter(store__in=stores).order_by("-received_at")
    return StartPage(
        login=login,
        sentence=logins.sentence(login.side, login.state, login.failure_code) if login else "",
        works=login is not None and login.state == logins.LoginState.ACTIVE,
        with_key=_is_key(login),
        kept=_kept(stores),
        last_message_at=latest.values_list("received_at", flat=True).first(),
        gone=list(gone.order_by("topic")) if isinstance(target, Store) else [],
    )


def wizard_page(reconnection: Reconnection, *, now: datetime) -> WizardPage:
    """Read where a reconnect stands."""
    target = reconnecting.target_of(reconnection)
    stores = _stores(target)
    progress = reconnecting.progress_of(reconnection)
    rest = reconnection.rest_until
    return WizardPage(
        progress=progress,
        step=reconnecting.step_of(reconnection, now=now),
        soft=is_soft(progress) or (progress.authorized_at is not None and rest is None),
        rest_seconds=max(0, int((rest - now).total_seconds()) + 1) if rest else 0,
        login=reconnecting.login_of(target),
        kept=_kept(stores),
        outcomes=_outcomes(reconnection, stores),
        gaps=gaps.open_of(target) if isinstance(target, Store) else [],
    )


def has_key(target: Store | KlaviyoAccount) -> bool:
    """Whether somebody has to choose between a new key and a sign-in."""
    return _is_key(reconnecting.login_of(target))


def _is_key(login: Credential | None) -> bool:
    return login is not None and login.kind == CredentialKind.KLAVIYO_KEY


def _stores(target: Store | KlaviyoAccount) -> list[Store]:
    return [target] if isinstance(target, Store) else list(target.stores.order_by("name", "pk"))


def _kept(stores: list[Store]) -> list[Kept]:
    counted = {
        row["store"]: row
        for row in Event.objects.live()
        .waiting()
        .filter(store__in=stores)
        .values("store")
        .annotate(n=Count("pk"), oldest=Min("received_at"))
    }
    return [
        Kept(store, row["n"], row["oldest"]) for store in stores if (row := counted.get(store.pk))
    ]


def _outcomes(reconnection: Reconnection, stores: list[Store]) -> list[Outcome]:
    since, until = reconnection.waiting_since, reconnection.released_at
    if since is None or until is None:
        return []
    counted: dict[int, dict[str, int]] = {store.pk: {} for store in stores}
    rows = (
        Event.objects.live()
        .filter(Q(received_at__gte=since, received_at__lt=until), store__in=stores)
        .values("store", "state")
        .annotate(n=Count("pk"))
    )
    for row in rows:
        counted[row["store"]][row["state"]] = row["n"]
    return [
        Outcome(store, since, until, counted[store.pk]) for store in stores if counted[store.pk]
    ]
