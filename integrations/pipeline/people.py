"""Everybody with a login, for administrators who help them in again."""

from datetime import datetime

import msgspec
from django.db.models import Prefetch
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.domain.permissions import Role
from integrations.models import Membership, User

from . import cursors, roles, sessions

PAGE = 50


class Person(msgspec.Struct):
    """One login, and what stands in its way."""

    user: User
    memberships: list[Membership]
    staff: Role | None
    second_step: bool
    locked: bool


class People(msgspec.Struct):
    """A page of logins, and the cursor of the next one."""

    rows: list[Person]
    after: str


def everybody(*, text: str = "", after: str = "", now: datetime) -> People:
    """One page of logins, the newest first, narrowed to an address or a name."""
    rows = User.objects.all()
    if text:
        rows = rows.filter(email__icontains=text) | rows.filter(first_name__icontains=text)
    teams = Membership.objects.select_related("merchant").order_by("merchant__name", "pk")
    rows = rows.prefetch_related(Prefetch("memberships", teams))
    users, behind = cursors.page(rows, "-pk", after=after, size=PAGE)
    apps = set(
        TOTPDevice.objects.filter(user__in=users, confirmed=True).values_list("user", flat=True)
    )
    closed = sessions.locked_among(users, now=now)
    people = [
        Person(one, list(one.memberships.all()), _staff(one), one.pk in apps, one.pk in closed)
        for one in users
    ]
    return People(people, behind)


def _staff(user: User) -> Role | None:
    return roles.role_of(user) if user.is_staff else None
