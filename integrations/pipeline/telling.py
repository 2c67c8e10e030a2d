"""Telling people of alerts: one message a channel, tried until it went out, and written down."""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta

import apprise
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db.models import F, Q
from django.urls import reverse

from integrations import secrets
from integrations.domain import alerting, quiet
from integrations.domain.alerting import Severity, Told
from integrations.models import Alert, AlertChannel, AlertTelling

from . import letters

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)
# With these waits it is about a day until nobody tries any more.
MOST_ATTEMPTS = 50
HOLD = timedelta(minutes=2)
AT_ONCE = 50
LONGEST_ROUND = timedelta(seconds=30)

# Services with an address of their own, which nobody can lead elsewhere.
SERVICES = {
    "slack": "Slack",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie",
    "workflows": "Teams",
    "msteams": "Teams",
    "discord": "Discord",
    "tgram": "Telegram",
    "pover": "Pushover",
}
ON_THE_SERVER = {
    "file", "syslog", "rsyslog", "dbus", "windows", "macosx", "gnome", "kde", "qt", "glib",
}  # fmt: skip

TITLES = {
    Told.BEGUN: "{title}",
    Told.WORSE: "Worse: {title}",
    Told.STILL: "Still, and nobody takes care of it: {title}",
    Told.OVER: "Over: {title}",
}
KINDS = {
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


def ask(alert: Alert, told: Told, *, now: datetime) -> int:
    """Ask for a message through every channel that should have it, in the caller's transaction.

    The all-clear goes to those who were told that it began. Returns how many there are.
    """
    rows = [
        AlertTelling(
            alert=alert,
            channel=channel,
            told=told,
            severity=alert.severity,
            words=alert.words,
            made_at=now,
            next_attempt_at=_earliest(channel, alert, now),
        )
        for channel in _channels(alert, told)
    ]
    return len(AlertTelling.objects.bulk_create(rows, ignore_conflicts=True))


def send_due(*, clock: Clock, stopping: Callable[[], bool]) -> int:
    """Send what is due; returns how many messages went out."""
    now = clock()
    due = AlertTelling.objects.filter(
        sent_at=None, given_up_at=None, next_attempt_at__lte=now
    ).select_related("alert__store", "alert__merchant", "channel")
    sent, end = 0, now + LONGEST_ROUND
    for one in due.order_by("next_attempt_at")[:AT_ONCE]:
        if stopping() or clock() > end:
            break
        sent += _send(one, clock())
    return sent


def test(channel: AlertChannel, *, now: datetime) -> str:
    """Send a message that says it is a test; returns what is wrong, or nothing."""
    error = _out(
        channel,
        "A test from Sync Console",
        "This is a test. Alerts reach you through this channel.",
        apprise.NotifyType.INFO,
    )
    _note(channel, error, now)
    return error


def refusal(address: str, *, anywhere: bool = False) -> str:
    """Why an address cannot be used, or nothing.

    People of a business may name the services below and e-mail addresses: an address of their own
    choice could lead to what only this server can reach. Operators may name any.
    """
    address = address.strip()
    if not address:
        return "Enter an address."
    if _is_mail(address):
        return ""
    scheme = address.split("://", 1)[0].lower()
    if scheme in ON_THE_SERVER:
        return "This kind of address stays on the server itself and reaches nobody."
    if not anywhere and scheme not in SERVICES:
        known = ", ".join(sorted(set(SERVICES.values())))
        return f"Enter an e-mail address, or an address of one of these services: {known}."
    if not apprise.Apprise().add(address):
        return "This is no address Apprise knows. See its list of services for the right form."
    return ""


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def _channels(alert: Alert, told: Told) -> list[AlertChannel]:
    if told is Told.OVER:
        heard = AlertTelling.objects.filter(alert=alert).exclude(told=Told.OVER)
        return list(AlertChannel.objects.filter(pk__in=heard.values("channel")).order_by("pk"))
    rows = AlertChannel.objects.filter(Q(merchant=None) | Q(merchant=alert.merchant_id))
    if alert.severity == Severity.WARNING:
        rows = rows.filter(least=Severity.WARNING)
    if alert.merchant_id is None:
        rows = rows.filter(merchant=None)
    return list(rows.order_by("pk"))


def _earliest(channel: AlertChannel, alert: Alert, now: datetime) -> datetime:
    if alert.severity == Severity.CRITICAL:
        return now
    ends = quiet.ends_at(now, channel.quiet_from, channel.quiet_until, channel.time_zone)
    return ends or now


def _send(one: AlertTelling, now: datetime) -> bool:
    mine = AlertTelling.objects.filter(pk=one.pk, attempts=one.attempts, sent_at=None)
    if not mine.update(attempts=F("attempts") + 1, next_attempt_at=now + HOLD):
        return False
    row = AlertTelling.objects.filter(pk=one.pk)
    if _is_stale(one):
        row.update(given_up_at=now, last_error="It was over before anybody was told.")
        return False
    error = _out(one.channel, *message(one))
    _note(one.channel, error, now)
    if not error:
        row.update(sent_at=now, last_error="")
        return True
    attempts = one.attempts + 1
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 12))
    given_up = now if attempts >= MOST_ATTEMPTS else None
    row.update(next_attempt_at=now + wait, last_error=error, given_up_at=given_up)
    log.warning("alert.not_told", extra={"alert": one.alert_id, "error": error})
    return False


def _is_stale(one: AlertTelling) -> bool:
    """Whether what a message says is over, or is the end of what nobody was told of."""
    alert = one.alert
    others = AlertTelling.objects.filter(alert=alert, channel=one.channel_id).exclude(pk=one.pk)
    if one.told == Told.OVER:
        return not others.filter(sent_at__isnull=False).exists()
    return alert.over_at is not None and one.severity == Severity.WARNING


def message(one: AlertTelling) -> tuple[str, str, apprise.NotifyType]:
    """What a message says: its title, its text, and how bad it is."""
    alert = one.alert
    rule = alerting.RULES.get(alert.rule)
    title = TITLES[Told(one.told)].format(title=rule.title if rule else alert.rule)
    lines = [one.words]
    if one.told == Told.OVER:
        lines = [f"It lasted {_lasted(alert)}."]
    else:
        lines.append(f"Since {alert.bad_since:%d %b %Y, %H:%M} UTC.")
        if rule:
            lines.append(f"What is done by itself: {rule.doing}")
    if settings.PUBLIC_URL:
        lines.append(letters.link(reverse("alert", args=[alert.public_id])))
    kind = KINDS[Severity(one.severity)]
    if one.told == Told.OVER:
        kind = apprise.NotifyType.SUCCESS
    return f"Sync Console: {title}", "\n".join(lines), kind


def _lasted(alert: Alert) -> str:
    end = alert.good_since or alert.over_at or alert.seen_at
    minutes = max(int((end - alert.bad_since).total_seconds() // 60), 1)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def _out(channel: AlertChannel, title: str, body: str, kind: apprise.NotifyType) -> str:
    """Send through one channel; returns what went wrong, without the address, or nothing."""
    try:
        address = channel.address()
    except secrets.LostKey:
        return "The address cannot be read: its key is no longer set."
    if _is_mail(address):
        return _mailed(address, title, body)
    way = apprise.Apprise()
    if not way.add(address):
        return "The address is not understood any more."
    try:
        went = way.notify(title=title, body=body, notify_type=kind)
    except Exception as exc:
        return f"It could not be sent: {type(exc).__name__}."
    return "" if went else "The service did not take it."


def _mailed(address: str, title: str, body: str) -> str:
    """Send an e-mail by the mail server of this installation."""
    try:
        EmailMessage(title, body, to=[address]).send()
    except (OSError, smtplib.SMTPException) as exc:
        return f"The mail server did not take it: {type(exc).__name__}."
    return ""


def _note(channel: AlertChannel, error: str, now: datetime) -> None:
    changes: dict[str, object] = {"last_error": error[:300]}
    if not error:
        changes["last_sent_at"] = now
    AlertChannel.objects.filter(pk=channel.pk).update(**changes)
