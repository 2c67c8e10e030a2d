"""Asking somebody into a team by an e-mail with a link, and what becomes of the link."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.db.models import Prefetch

from integrations.models import Invitation, Membership, Merchant, Notice, User
from integrations.models.invitations import hashed
from integrations.models.people import Role

from . import audit, notices

TERM = timedelta(days=7)


class State(StrEnum):
    """What a link is still good for."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class AlreadyInTeam(Exception):
    """There is nobody to invite."""


class NotForThisLogin(Exception):
    """The invitation was sent to another address."""


class LoginExists(Exception):
    """Somebody has a login with this address: they sign in with it instead of making one."""


class NoLongerOpen(Exception):
    """The link was used, withdrawn or ran out while the page was open."""


def state_of(invitation: Invitation, *, now: datetime) -> State:
    """Say what an invitation's link is still good for."""
    if invitation.accepted_at:
        return State.USED
    if invitation.withdrawn_at:
        return State.WITHDRAWN
    return State.OPEN if now < invitation.expires_at else State.EXPIRED


def find(token: str) -> Invitation | None:
    """The invitation a link belongs to."""
    return Invitation.objects.of_token(token).select_related("merchant", "invited_by").first()


def waiting(merchant: Merchant) -> list[Invitation]:
    """The invitations of a team nobody has answered, each with its newest e-mail first."""
    newest = Prefetch("notices", Notice.objects.order_by("-made_at", "-pk"))
    rows = Invitation.objects.waiting().filter(merchant=merchant).select_related("invited_by")
    return list(rows.prefetch_related(newest).order_by("email"))


def invite(merchant: Merchant, *, email: str, role: str, by: User, now: datetime) -> Invitation:
    """Ask somebody into a team; whoever was asked before gets a new link in place of the old one.

    Raises AlreadyInTeam.
    """
    email = email.strip().lower()
    if Membership.objects.filter(merchant=merchant, user__email__iexact=email).exists():
        raise AlreadyInTeam
    with transaction.atomic():
        # Two owners may invite the same person at once.
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        known = Invitation.objects.waiting().filter(merchant=merchant, email__iexact=email).first()
        invitation = known or Invitation(merchant=merchant, email=email)
        _renew(invitation, role=role, by=by, now=now)
        _record("team.invited", invitation, by=by, now=now)
    return invitation


@transaction.atomic
def send_again(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Send a new link for an invitation that waits; the old one no longer works.

    Raises NoLongerOpen.
    """
    found = _waiting(invitation)
    _renew(found, role=found.role, by=by, now=now)
    _record("team.invited_again", found, by=by, now=now)


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Let a link no longer work. Raises NoLongerOpen."""
    found = _waiting(invitation)
    found.withdrawn_at = now
    found.save(update_fields=["withdrawn_at"])
    _record("team.invitation_withdrawn", found, by=by, now=now)


@transaction.atomic
def accept(invitation: Invitation, user: User, *, now: datetime) -> None:
    """Let somebody who has signed in join the team they were asked into.

    Raises NotForThisLogin, NoLongerOpen.
    """
    if user.email.lower() != invitation.email.lower():
        raise NotForThisLogin
    found = _waiting(invitation)
    if state_of(found, now=now) is not State.OPEN:
        raise NoLongerOpen
    Membership.objects.get_or_create(
        user=user, merchant=found.merchant, defaults={"role": found.role}
    )
    found.accepted_at, found.accepted_by = now, user
    found.save(update_fields=["accepted_at", "accepted_by"])
    _record("team.joined", found, by=user, now=now)


def accept_as_new(invitation: Invitation, *, name: str, password: str, now: datetime) -> User:
    """Make a login for somebody who has none, and let them join.

    Raises LoginExists, NoLongerOpen.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, first_name=name)
            accept(invitation, user, now=now)
    except IntegrityError as exc:
        raise LoginExists from exc
    return user


def _waiting(invitation: Invitation) -> Invitation:
    """The row as it is now, for us alone."""
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("merchant")
    found = rows.waiting().filter(pk=invitation.pk).first()
    if found is None:
        raise NoLongerOpen
    return found


def _renew(invitation: Invitation, *, role: str, by: User, now: datetime) -> None:
    """Let it begin anew: the old link ends at once, the new one is drawn when it is sent."""
    invitation.role = Role(role)
    invitation.token_hash = hashed(secrets.token_urlsafe(32))
    invitation.invited_by, invitation.invited_at = by, now
    invitation.expires_at = now + TERM
    invitation.save()
    notices.invite(invitation, now=now)


def _record(action: str, invitation: Invitation, *, by: User, now: datetime) -> None:
    audit.record(
        action,
        invitation.merchant,
        by=audit.person(by, invitation.merchant),
        now=now,
        subject=invitation.email,
        after={"role": str(invitation.role)},
    )
