"""The ways out for alerts, as people keep them: added, tested, removed, each written down."""

from datetime import datetime, time

from django.db import transaction

from integrations.domain.permissions import Capability
from integrations.models import AlertChannel, Merchant, User

from . import audit, roles, telling
from .audit import Actor

MOST = 20


class Refused(Exception):
    """This cannot be done; the sentence says why."""


def add(
    merchant: Merchant | None,
    *,
    name: str,
    address: str,
    least: str,
    quiet: tuple[time | None, time | None],
    user: User,
    by: Actor,
    now: datetime,
) -> AlertChannel:
    """Keep a new way; None for a business means that it is the operators'. Raises Refused."""
    if why := telling.refusal(address, anywhere=merchant is None):
        raise Refused(why)
    if AlertChannel.objects.filter(merchant=merchant).count() >= MOST:
        raise Refused(f"There are {MOST} ways already. Remove one first.")
    channel = AlertChannel(
        merchant=merchant,
        name=name[:120],
        least=least,
        quiet_from=quiet[0],
        quiet_until=quiet[1],
        time_zone=merchant.time_zone if merchant else "UTC",
        made_by=user,
        made_at=now,
    )
    channel.keep(address.strip())
    with transaction.atomic():
        channel.save()
        audit.record("alert_channel.made", merchant, by=by, now=now, subject=channel.name)
    return channel


def test(channel: AlertChannel, *, by: Actor, now: datetime) -> str:
    """Send a test through it; returns what is wrong, or nothing."""
    error = telling.test(channel, now=now)
    details = {"after": {"arrived": not error}}
    audit.record(
        "alert_channel.tested", channel.merchant, by=by, now=now, subject=channel.name, **details
    )
    return error


def remove(channel: AlertChannel, *, by: Actor, now: datetime) -> None:
    """Let nobody be told through it any more."""
    with transaction.atomic():
        audit.record(
            "alert_channel.removed", channel.merchant, by=by, now=now, subject=channel.name
        )
        channel.delete()


def may_manage(user: User, merchant: Merchant | None) -> bool:
    """Whether somebody may change these; those of the operators are an administrator's."""
    if merchant is None:
        return roles.may(user, Capability.MANAGE_STAFF)
    return roles.may(user, Capability.MANAGE_ALERTS, merchant)
