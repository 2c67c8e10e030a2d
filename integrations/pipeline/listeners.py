"""Who listens at Klaviyo to what a job would write: flows, reports, and others who write it too."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.forecast import FlowRisk, Forecast, KlaviyoView, Reach, Trouble, Twin
from integrations.domain.lanes import Lane
from integrations.domain.listening import Known, Sorted, sort
from integrations.models import Credential, Store
from integrations.models.credentials import CredentialKind
from integrations.platforms.klaviyo import answers, flows, metrics
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.klaviyo.endpoints import Endpoint

from . import budgets, logins

T = TypeVar("T")

Clock = Callable[[], datetime]

REVENUE = "revenue"


class MustWait(Exception):
    """A platform allows no call for now; `until` says when to ask again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"until {until}")
        self.until = until


def look(store: Store, forecast: Forecast, kinds: Iterable[str], *, clock: Clock) -> None:
    """Fill in the forecast's view of the account. Raises MustWait.

    Nothing is written to Klaviyo, and a permission that is missing here breaks no login: what could
    not be looked at is named among the troubles.
    """
    asking = _Asking(store, forecast, clock)
    view = KlaviyoView()
    known = asking.ask(Endpoint.METRICS, metrics.read)
    if known is not None:
        view.looked_at_metrics = True
        sorted_out = _sort(store, known, kinds)
        view.known_metrics = [one.name for one in sorted_out if one.ours]
        mapped = asking.ask(Endpoint.MAPPED_METRICS, metrics.mapped)
        view.looked_at_reports = mapped is not None
        _reports(view, sorted_out, (mapped or {}).get(REVENUE, ""))
        _flows(view, asking, sorted_out, {one.kind: one for one in forecast.reach})
    forecast.klaviyo = view


class _Asking:
    """Questions to one account; a refusal is noted once, and the others are still asked."""

    def __init__(self, store: Store, forecast: Forecast, clock: Clock) -> None:
        self._account, self._forecast, self._clock = store.klaviyo_account, forecast, clock

    def ask(self, endpoint: Endpoint, question: Callable[[Klaviyo], T]) -> T | None:
        """Ask within the account's budget; None when it could not be answered."""
        now, account = self._clock(), self._account.pk
        grant = budgets.take(account, endpoint, wanted=1, lane=Lane.REPORT, now=now)
        if not grant.calls:
            raise MustWait(grant.retry_at or now + timedelta(seconds=1))
        try:
            return question(logins.klaviyo(self._account, now=now))
        except PlatformError as exc:
            failure = exc.failure
            if failure.kind is FailureKind.RATE_LIMITED:
                wait = failure.retry_after or answers.WAIT_UNNAMED
                raise MustWait(budgets.block(account, endpoint, wait=wait, now=now)) from exc
            if failure.kind is FailureKind.TRANSIENT:
                raise
            self._note(endpoint, failure)
            return None

    def _note(self, endpoint: Endpoint, failure: Failure) -> None:
        code = "missing_scope" if failure.status == 403 else failure.code
        trouble = Trouble(endpoint.value, code, failure.message[:300])
        if trouble not in self._forecast.troubles:
            self._forecast.troubles.append(trouble)


def _sort(store: Store, known: list[metrics.Metric], kinds: Iterable[str]) -> list[Sorted]:
    login = Credential.objects.filter(klaviyo_account=store.klaviyo_account_id).first()
    return sort(
        [Known(one.id, one.name, one.integration, one.key, one.category) for one in known],
        store.translation.metrics,
        kinds=kinds,
        by_key=login is None or login.kind == CredentialKind.KLAVIYO_KEY,
    )


def _reports(view: KlaviyoView, found: list[Sorted], revenue: str) -> None:
    view.revenue_is_mapped = bool(revenue)
    view.revenue_is_ours = revenue in {one.id for kind in found for one in kind.ours}
    view.twins = [
        Twin(
            id=one.id,
            name=one.name,
            kind=kind.kind,
            integration=one.integration,
            is_revenue=one.id == revenue,
        )
        for kind in found
        for one in kind.twins
    ]


def _flows(
    view: KlaviyoView, asking: _Asking, found: list[Sorted], reach: dict[str, Reach]
) -> None:
    view.looked_at_flows = True
    for kind in found:
        reached = reach.get(kind.kind, Reach(metric=kind.name, kind=kind.kind))
        for metric in kind.ours:
            heard = asking.ask(Endpoint.FLOW_TRIGGERS, _flows_of(metric.id))
            if heard is None:
                view.looked_at_flows = False
                return
            view.flows += [
                FlowRisk(
                    id=one.id,
                    name=one.name,
                    status=one.status,
                    is_live=one.is_live,
                    metric=kind.name,
                    people=reached.people,
                    young=reached.young,
                )
                for one in heard
                if not one.archived
            ]


def _flows_of(metric_id: str) -> Callable[[Klaviyo], list[flows.Flow]]:
    return lambda client: flows.started_by(client, metric_id)
