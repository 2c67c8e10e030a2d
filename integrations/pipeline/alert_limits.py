"""The numbers from which on a business is told: a rule's own, those for all, or its own choice."""

from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from integrations.domain import alerting
from integrations.domain.alerting import Limits, Rule
from integrations.models import AlertLimit, Merchant

from . import audit
from .audit import Actor

LONGEST = 1440
# Rules about the console itself are not a business's to change.
OF_A_BUSINESS = {code: rule for code, rule in alerting.RULES.items() if code != "schedule"}


class Refused(Exception):
    """This cannot be meant; the sentence says why."""


class RuleNow(msgspec.Struct):
    """A rule as it holds for a business, and whether somebody there chose its numbers."""

    rule: Rule
    is_chosen: bool

    @property
    def warning_said(self) -> str:
        """From where on it is a warning, in words."""
        return _said(self.rule, self.rule.warning)

    @property
    def critical_said(self) -> str:
        """From where on it is critical, in words."""
        return _said(self.rule, self.rule.critical)

    @property
    def lasting_said(self) -> str:
        """How long it has to last, in words."""
        minutes = int(self.rule.lasting.total_seconds() // 60)
        if not minutes:
            return "told at once"
        return f"{minutes:,} {'minute' if minutes == 1 else 'minutes'}"


def of_merchant(merchant: Merchant) -> list[RuleNow]:
    """All rules of a business, as they hold now."""
    rows = AlertLimit.objects.filter(rule__in=OF_A_BUSINESS)
    own = {one.rule: one for one in rows.filter(merchant=merchant)}
    of_all = {one.rule: one for one in rows.filter(merchant=None)}
    found = []
    for code, rule in OF_A_BUSINESS.items():
        chosen = own.get(code) or of_all.get(code)
        limited = alerting.limited(rule, _limits(chosen) if chosen else None)
        found.append(RuleNow(limited, code in own))
    return found


def choose(
    merchant: Merchant,
    code: str,
    *,
    warning: float | None,
    critical: float | None,
    lasting: int,
    by: Actor,
    now: datetime,
) -> None:
    """Let other numbers hold for a business; `lasting` in minutes. Raises Refused."""
    rule = OF_A_BUSINESS.get(code)
    if rule is None:
        raise Refused("There is no such rule.")
    if not 0 <= lasting <= LONGEST:
        raise Refused(f"Choose 0 to {LONGEST:,} minutes.")
    for number in (warning, critical):
        if number is not None and not 0 < number <= 1_000_000_000:
            raise Refused("Enter numbers above zero, or leave them empty.")
    if warning is not None and critical is not None and warning > critical:
        raise Refused("A warning comes before what is critical: its number is the smaller one.")
    values = {"warning": warning, "critical": critical, "lasting_minutes": lasting}
    with transaction.atomic():
        row, is_new = AlertLimit.objects.select_for_update().get_or_create(
            merchant=merchant, rule=code, defaults=values
        )
        before = {} if is_new else {name: getattr(row, name) for name in values}
        AlertLimit.objects.filter(pk=row.pk).update(**values)
        audit.record(
            "alert.limited", merchant, by=by, now=now, subject=rule.title,
            before=before, after=values,
        )  # fmt: skip


def forget(merchant: Merchant, code: str, *, by: Actor, now: datetime) -> None:
    """Let the usual numbers hold again."""
    with transaction.atomic():
        if AlertLimit.objects.filter(merchant=merchant, rule=code).delete()[0]:
            title = alerting.RULES[code].title
            audit.record("alert.limited", merchant, by=by, now=now, subject=title)


def _said(rule: Rule, number: float | None) -> str:
    if number is None:
        return "never"
    return rule.said(number) if rule.unit else "as soon as it is seen"


def _limits(row: AlertLimit) -> Limits:
    return Limits(row.warning, row.critical, timedelta(minutes=row.lasting_minutes))
