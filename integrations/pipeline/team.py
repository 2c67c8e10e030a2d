"""The people of a merchant: their roles, and who leaves."""

from datetime import datetime

from django.db import transaction

from integrations.models import Membership, Merchant, User
from integrations.models.people import Role

from . import audit


class LastOwner(Exception):
    """Without this person nobody of the team could invite, remove or connect any more."""


@transaction.atomic
def change_role(membership: Membership, role: str, *, by: User, now: datetime) -> bool:
    """Give somebody another role and say whether that changed anything.

    Raises LastOwner.
    """
    found = _locked(membership)
    before = found.role
    if role == before:
        return False
    if before == Role.OWNER:
        _keep_an_owner(found)
    found.role = Role(role)
    found.save(update_fields=["role"])
    audit.record(
        "team.role_changed",
        found.merchant,
        by=audit.person(by, found.merchant),
        now=now,
        subject=found.user.email,
        before={"role": before},
        after={"role": role},
    )
    return True


@transaction.atomic
def remove(membership: Membership, *, by: User, now: datetime) -> None:
    """Take somebody out of the team; their login stays, and opens nothing of this merchant.

    Raises LastOwner.
    """
    found = _locked(membership)
    if found.role == Role.OWNER:
        _keep_an_owner(found)
    audit.record(
        "team.removed",
        found.merchant,
        by=audit.person(by, found.merchant),
        now=now,
        subject=found.user.email,
        before={"role": found.role},
    )
    found.delete()


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody else of the team who can sign in is an owner."""
    others = Membership.objects.filter(
        merchant=membership.merchant_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=membership.pk)
    return membership.role == Role.OWNER and not others.exists()


def _keep_an_owner(membership: Membership) -> None:
    if is_last_owner(membership):
        raise LastOwner


def _locked(membership: Membership) -> Membership:
    """The row as it is now; one change of a team at a time, since two owners may leave at once."""
    Merchant.objects.select_for_update().get(pk=membership.merchant_id)
    return Membership.objects.select_related("user", "merchant").get(pk=membership.pk)
