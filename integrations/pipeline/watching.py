"""What is watched: everything that could be wrong at one moment, in a fixed number of queries."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from django.db.models import Sum

from integrations import queue
from integrations.domain import alerting, logins, verdicts
from integrations.domain.logins import LoginState, Side
from integrations.domain.verdicts import FEWEST_CALLS, Word
from integrations.domain.windows import JobState
from integrations.models import (
    Credential,
    KlaviyoAccount,
    Store,
    SyncJob,
    SyncWindow,
    Tally,
)

from . import health, overview, stream_verdicts
from .overview import StoreRow

HOUR = timedelta(hours=1)
# Of fewer messages in an hour, one that failed says nothing about the rest.
FEWEST_MESSAGES = 20
# A login that nothing renews is told of so long before its end.
ENDS_SOON = timedelta(days=7)
# So many fetches are looked at.
MOST_JOBS = 500


class Reading(msgspec.Struct):
    """One number of one thing, as a rule needs it."""

    rule: str
    # What it is about, within its rule.
    name: str
    value: float
    words: str
    merchant: int | None = None
    store: int | None = None
    account: int | None = None

    @property
    def key(self) -> str:
        """The rule and what it is about: one open alert for each."""
        return f"{self.rule}:{self.name}"


def look(*, now: datetime) -> list[Reading]:
    """Every number that is not nought. What is not named is well, or cannot be judged."""
    rows = overview.store_rows(Store.objects.all(), seen=health.workers_seen_at(), now=now)
    by_account = {row.store.klaviyo_account_id: row.store.klaviyo_account for row in rows}
    found = [
        *(one for row in rows for one in _of_store(row, now)),
        *_of_accounts(by_account, now),
        *_of_hour(rows, now),
        *_of_logins(now),
        *_of_fetches(now),
        *_of_schedules(now),
    ]
    return [one for one in found if one.value > 0]


def _of_store(row: StoreRow, now: datetime) -> Iterator[Reading]:
    store, verdict = row.store, row.diagnosis.verdict

    def reading(rule: str, value: float, words: str) -> Reading:
        return Reading(
            rule, f"store:{store.pk}", value, f"{store.name}: {words}",
            merchant=store.merchant_id, store=store.pk, account=store.klaviyo_account_id,
        )  # fmt: skip

    if verdict.word is Word.STUCK and verdict.by == verdicts.NOTHING_MOVES:
        yield reading("stuck", _minutes(verdict.since, now), "nothing moves, and nothing holds it.")
    held = verdict.word is Word.RATE_LIMITED or verdict.by == verdicts.A_TRY
    if held or verdict.is_late:
        yield reading("late", _minutes(verdict.since, now), f"{verdict.word.label.lower()}.")
    if store.tripped_at:
        yield reading("trouble", _minutes(store.tripped_at, now), "Shopify has trouble.")
    if row.failed_records:
        yield reading("failed_depth", row.failed_records, "failed records wait for a decision.")


def _of_accounts(accounts: dict[int, KlaviyoAccount], now: datetime) -> Iterator[Reading]:
    calls = overview.calls_of_accounts(now)
    for pk, account in accounts.items():
        made, throttled = calls.get(pk, (0, 0))

        def reading(rule: str, value: float, words: str, of: KlaviyoAccount = account) -> Reading:
            return Reading(
                rule, f"account:{of.pk}", value, f"{of.name}: {words}",
                merchant=of.merchant_id, account=of.pk,
            )  # fmt: skip

        if account.tripped_at:
            yield reading("trouble", _minutes(account.tripped_at, now), "Klaviyo has trouble.")
        if made >= FEWEST_CALLS and throttled:
            words = f"{throttled:,} of {made:,} calls in 5 minutes were refused as too many."
            yield reading("throttled", 100 * throttled / made, words)


def _of_hour(rows: list[StoreRow], now: datetime) -> Iterator[Reading]:
    stores = {row.store.pk: row.store for row in rows}
    counted = (
        Tally.objects.filter(store__in=stores, minute__gte=now - HOUR)
        .values("store")
        .annotate(d=Sum("delivered"), s=Sum("skipped"), failed=Sum("dead"))
        .filter(failed__gt=0)
        .order_by()
    )
    for one in counted:
        store = stores.get(one["store"])
        if store is None:
            continue
        failed, ended = one["failed"], one["d"] + one["s"] + one["failed"]
        about = {
            "merchant": store.merchant_id,
            "store": store.pk,
            "account": store.klaviyo_account_id,
        }
        name = f"store:{store.pk}"
        words = f"{store.name}: {failed:,} of {ended:,} messages of the last hour failed."
        yield Reading("failed_growth", name, failed, words, **about)
        if ended >= FEWEST_MESSAGES:
            yield Reading("failing", name, 100 * failed / ended, words, **about)


def _of_logins(now: datetime) -> Iterator[Reading]:
    rows = Credential.objects.select_related("store", "klaviyo_account").defer("secret")
    for one in rows:
        on = one.opens
        side = Side.SHOPIFY if one.store else Side.KLAVIYO
        value, words = 0.0, ""
        ends_at = None if one.renews else one.expires_at
        if one.state != LoginState.ACTIVE:
            value = 0.5 if one.state == LoginState.MISSING_SCOPES else 1.0
            words = logins.sentence(side, one.state, one.failure_code)
        elif ends_at is not None and ends_at - now < ENDS_SOON:
            value, words = 0.5, f"This login ends on {ends_at:%d %b %Y}, and nothing renews it."
        yield Reading(
            "login",
            f"credential:{one.pk}",
            value,
            f"{on.name}: {words}",
            merchant=on.merchant_id,
            store=one.store_id,
            account=one.klaviyo_account_id,
        )


def _of_fetches(now: datetime) -> Iterator[Reading]:
    jobs = SyncJob.objects.filter(state=JobState.RUNNING).select_related(
        "store__klaviyo_account", "store__merchant"
    )
    found = {job.pk: job for job in jobs.order_by("pk")[:MOST_JOBS]}
    windows: dict[int, list[SyncWindow]] = {pk: [] for pk in found}
    for one in SyncWindow.objects.filter(job__in=found).defer("bulk", "cursor"):
        one.job = found[one.job_id]
        windows[one.job_id].append(one)
    seen = health.workers_seen_at()
    for job in found.values():
        for stream in stream_verdicts.of_job(job, windows[job.pk], workers_seen_at=seen, now=now):
            if stream.verdict.word is not Word.STUCK:
                continue
            yield Reading(
                "fetch_stuck",
                f"job:{job.pk}:{stream.stream}",
                _minutes(stream.verdict.since, now),
                f"{job.store.name}: past {stream.stream} stand still.",
                merchant=job.store.merchant_id,
                store=job.store_id,
                account=job.store.klaviyo_account_id,
            )


def _of_schedules(now: datetime) -> Iterator[Reading]:
    for name, minutes in queue.overdue(now=now).items():
        words = f"The regular task {name.rsplit('.', 1)[-1]} was due and has not begun."
        yield Reading("schedule", name.rsplit(".", 1)[-1], minutes, words)


def _minutes(since: datetime | None, now: datetime) -> float:
    """How long ago that was; of what has no beginning, as long as the first bad number."""
    if since is None:
        return alerting.RULES["stuck"].critical or 0.0
    return max((now - since).total_seconds() / 60, 0.0)
