"""Alerts: looking each minute, beginning and ending them, and people who take them on."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from integrations import queue
from integrations.domain import alerting
from integrations.domain.alerting import FLAPS_WITHIN, Limits, Rule
from integrations.domain.permissions import Capability
from integrations.models import Alert, AlertLimit, User

from . import audit, health, roles, telling, watching
from .audit import Actor
from .watching import Reading

WATCHER = "watcher"
# One looks at a time, however many workers there are.
_LOCK = 7_421_006
KEPT = timedelta(days=400)


class Refused(Exception):
    """This cannot be done now; the sentence says why."""


def look(*, now: datetime) -> int:
    """Look at everything once; returns how many alerts people are told of."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            found = cursor.fetchone()
        if not found or not found[0]:
            return 0
        readings = {one.key: one for one in watching.look(now=now)}
        told = _follow(readings, now) + _begin(readings, now)
        health.beat(WATCHER, now=now)
    if told:
        queue.ask_for(queue.ALERTS_OUT)
    return told


def take(alert: Alert, user: User, *, by: Actor, now: datetime) -> None:
    """Say that somebody takes care of it, so that nobody is told once more. Raises Refused."""
    if not roles.may(user, Capability.TAKE_ALERTS, alert.merchant):
        raise Refused("You may not take this on.")
    mine = Alert.objects.open().filter(pk=alert.pk, taken_at=None)
    with transaction.atomic():
        if not mine.update(taken_at=now, taken_by=user):
            raise Refused("It is over, or somebody takes care of it already.")
        audit.record(
            "alert.taken", alert.store or alert.merchant, by=by, now=now, subject=alert.words
        )


def prune(*, now: datetime) -> None:
    """Forget alerts that were over long ago."""
    old = Alert.objects.filter(over_at__lt=now - KEPT).order_by("over_at")
    for pk in list(old.values_list("pk", flat=True)[:1000]):
        Alert.objects.filter(pk=pk).delete()


def _follow(readings: dict[str, Reading], now: datetime) -> int:
    """See how those that are open go on; what is not seen any more is good."""
    limits, told = _limits(), 0
    for alert in Alert.objects.open().order_by("pk").select_for_update():
        rule = alerting.limited(
            alerting.RULES.get(alert.rule, alerting.GONE),
            _limit(limits, alert.merchant_id, alert.rule),
        )
        reading = readings.pop(alert.key, None)
        value = reading.value if reading else 0.0
        course, said = alerting.go_on(rule, alert.course, value, now=now)
        if course is None:
            alert.delete()
            continue
        alert.follow(course)
        if reading:
            alert.value, alert.words = reading.value, _words(rule, reading)
        alert.save()
        if said:
            told += telling.ask(alert, said, now=now)
    return told


def _begin(readings: dict[str, Reading], now: datetime) -> int:
    """Begin those that are new."""
    limits, told = _limits(), 0
    recent = Alert.objects.filter(key__in=readings, over_at__gte=now - FLAPS_WITHIN)
    last = {one.key: one for one in recent.order_by("over_at")}
    for key, reading in readings.items():
        rule = alerting.limited(
            alerting.RULES[reading.rule], _limit(limits, reading.merchant, reading.rule)
        )
        before = last[key].course if key in last else None
        course, said = alerting.begin(rule, reading.value, now=now, last=before)
        if course is None:
            continue
        alert = Alert(
            key=key,
            rule=reading.rule,
            merchant_id=reading.merchant,
            store_id=reading.store,
            klaviyo_account_id=reading.account,
            value=reading.value,
            words=_words(rule, reading),
        )
        alert.follow(course)
        alert.save()
        if said:
            told += telling.ask(alert, said, now=now)
    return told


def _words(rule: Rule, reading: Reading) -> str:
    number = f" {rule.said(reading.value)}." if rule.unit else ""
    return f"{reading.words}{number}"[:300]


def _limits() -> dict[tuple[int | None, str], Limits]:
    return {
        (one.merchant_id, one.rule): Limits(
            one.warning, one.critical, timedelta(minutes=one.lasting_minutes)
        )
        for one in AlertLimit.objects.all()
    }


def _limit(
    limits: dict[tuple[int | None, str], Limits], merchant: int | None, rule: str
) -> Limits | None:
    """A business's own numbers go before those for all."""
    return limits.get((merchant, rule)) or limits.get((None, rule))
