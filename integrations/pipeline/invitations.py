"""Asking somebody into a team by an e-mail with a link, and what becomes of the link."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from smtplib import SMTPException
from typing import NamedTuple

from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from integrations.models import Invitation, Membership, Merchant, User
from integrations.models.people import Role

from . import audit

log = logging.getLogger(__name__)

TERM = timedelta(days=7)
# Makes the address of an invitation's page out of its token.
Link = Callable[[str], str]


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


class Sent(NamedTuple):
    """An invitation, and whether its e-mail could be handed over."""

    invitation: Invitation
    told: bool


def state_of(invitation: Invitation, *, now: datetime) -> State:
    """Say what an invitation's link is still good for."""
    if invitation.accepted_at:
        return State.USED
    if invitation.withdrawn_at:
        return State.WITHDRAWN
    return State.OPEN if now < invitation.expires_at else State.EXPIRED


def find(token: str) -> Invitation | None:
    """The invitation a link belongs to; only the hash of its token is kept."""
    rows = Invitation.objects.select_related("merchant", "invited_by")
    return rows.filter(token_hash=_hash(token)).first()


def invite(
    merchant: Merchant, *, email: str, role: str, by: User, now: datetime, link: Link
) -> Sent:
    """Ask somebody into a team; whoever was asked before gets a new link in place of the old one.

    Raises AlreadyInTeam.
    """
    email = email.strip().lower()
    if Membership.objects.filter(merchant=merchant, user__email__iexact=email).exists():
        raise AlreadyInTeam
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        # Two owners may invite the same person at once.
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        invitation = Invitation.objects.filter(
            merchant=merchant, email__iexact=email, accepted_at=None, withdrawn_at=None
        ).first() or Invitation(merchant=merchant, email=email)
        _renew(invitation, token, role=role, by=by, now=now)
        _record("team.invited", invitation, by=by, now=now)
    return Sent(invitation, _tell(invitation, link(token)))


def send_again(invitation: Invitation, *, by: User, now: datetime, link: Link) -> Sent:
    """Send a new link for an invitation that waits; the old one no longer works.

    Raises NoLongerOpen.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        found = _waiting(invitation)
        _renew(found, token, role=found.role, by=by, now=now)
        _record("team.invited_again", found, by=by, now=now)
    return Sent(found, _tell(found, link(token)))


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
    found = rows.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None).first()
    if found is None:
        raise NoLongerOpen
    return found


def _renew(invitation: Invitation, token: str, *, role: str, by: User, now: datetime) -> None:
    invitation.role = Role(role)
    invitation.token_hash = _hash(token)
    invitation.invited_by, invitation.invited_at = by, now
    invitation.expires_at = now + TERM
    invitation.save()


def _record(action: str, invitation: Invitation, *, by: User, now: datetime) -> None:
    audit.record(
        action,
        invitation.merchant,
        by=audit.person(by, invitation.merchant),
        now=now,
        subject=invitation.email,
        after={"role": str(invitation.role)},
    )


def _tell(invitation: Invitation, link: str) -> bool:
    """Hand the e-mail over, outside of any transaction: a mail server may take its time."""
    context = {"invitation": invitation, "merchant": invitation.merchant, "link": link}
    subject = f"You are invited to {invitation.merchant.name} on Sync Console"
    body = render_to_string("mail/invitation.txt", context)
    try:
        send_mail(" ".join(subject.split()), body, None, [invitation.email])
    except (SMTPException, OSError) as exc:
        log.warning(
            "invitation.unsent",
            extra={"invitation": str(invitation.public_id), "error": type(exc).__name__},
        )
        return False
    return True


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
