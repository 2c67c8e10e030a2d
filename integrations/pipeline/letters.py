"""To whom an e-mail goes, and its text.

A link that lets its reader in is drawn when the e-mail is sent, so that no row ever holds one.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from integrations.models import Invitation, Membership, Merchant, Notice, User
from integrations.models.people import Role

# Whoever still wants a new password after this has asked again.
PATIENCE = timedelta(hours=1)


class Letter(NamedTuple):
    """An e-mail as it goes out."""

    to: list[str]
    body: str


class NotWanted(Exception):
    """What was to be said is no longer so, or there is nobody to say it to."""


class NoAddress(Exception):
    """The console does not know its own address, and a link to nowhere helps nobody."""


def link(path: str) -> str:
    """The console's own address of a page.

    From the settings: the host that a request names is the word of whoever sent it.
    """
    return f"{settings.PUBLIC_URL}{path}"


def of(notice: Notice, *, now: datetime) -> Letter:
    """Write the e-mail of a notice. Raises NotWanted, NoAddress."""
    if notice.invitation is not None:
        return _invitation(notice.invitation, now)
    if notice.person is not None:
        return _password(notice.person, notice.made_at, now)
    assert notice.merchant is not None  # noqa: S101 - the constraint `notice_to_somebody` says so
    return _owners(notice.merchant, notice.body)


def _owners(merchant: Merchant, body: str) -> Letter:
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    to = list(owners.order_by("user__email").values_list("user__email", flat=True))
    if not to:
        raise NotWanted("This business has no owner with an address.")
    return Letter(to, body)


def _invitation(invitation: Invitation, now: datetime) -> Letter:
    _address()
    token = Invitation.objects.draw(invitation, now=now)
    if token is None:
        raise NotWanted("The invitation was used or withdrawn, or has run out.")
    context = {
        "invitation": invitation,
        "merchant": invitation.merchant,
        "link": link(reverse("invitation", args=[token])),
    }
    return Letter([invitation.email], render_to_string("mail/invitation.txt", context))


def _password(user: User, asked_at: datetime, now: datetime) -> Letter:
    _address()
    if not user.is_active or now - asked_at > PATIENCE:
        raise NotWanted("The login was closed, or it was asked for too long ago.")
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    context = {"link": link(reverse("password-new", args=[uid, token]))}
    return Letter([user.email], render_to_string("mail/password.txt", context))


def _address() -> None:
    if not settings.PUBLIC_URL:
        raise NoAddress("PUBLIC_URL is empty.")
