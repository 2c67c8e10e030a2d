"""Asking people in, and the page their link opens."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from integrations.domain.masking import mask_email
from integrations.domain.permissions import Capability
from integrations.models import Invitation, Merchant, User
from integrations.models.people import Role
from integrations.pipeline import invitations

from .access import Signed, acting, answer, asking, note_visit, require
from .forms import InviteForm, WelcomeForm
from .session import enter


@asking
def invite(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask somebody into the team by e-mail."""
    merchant = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    require(request.user, Capability.INVITE, merchant)
    note_visit(request, merchant.pk)
    form = InviteForm(request.POST or None, initial={"role": Role.MEMBER})
    if form.is_valid():
        try:
            invitation = invitations.invite(
                merchant,
                email=form.cleaned_data["email"],
                role=form.cleaned_data["role"],
                by=request.user,
                now=timezone.now(),
            )
        except invitations.AlreadyInTeam:
            form.add_error("email", "This person is in the team already.")
        else:
            return _told(request, invitation)
    return answer(request, "invite.html", {"merchant": merchant, "form": form})


@acting
def again(request: Signed, public_id: UUID) -> HttpResponse:
    """Send a new link."""
    invitation = _of_team(request, public_id)
    try:
        invitations.send_again(invitation, by=request.user, now=timezone.now())
    except invitations.NoLongerOpen:
        return _too_late(request, invitation)
    return _told(request, invitation)


@asking
def withdraw(request: Signed, public_id: UUID) -> HttpResponse:
    """Let a link no longer work, after asking."""
    invitation = _of_team(request, public_id)
    if request.method != "POST":
        context = {"invitation": invitation, "merchant": invitation.merchant}
        return answer(request, "invitation_withdraw.html", context)
    try:
        invitations.withdraw(invitation, by=request.user, now=timezone.now())
    except invitations.NoLongerOpen:
        return _too_late(request, invitation)
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("team", invitation.merchant.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """The page an invitation's link opens, for people with and without a login."""
    invitation = invitations.find(token)
    if invitation is None:
        return _closed(request, "unknown", None)
    state = invitations.state_of(invitation, now=timezone.now())
    if state is not invitations.State.OPEN:
        return _closed(request, state, invitation)
    try:
        if isinstance(request.user, User):
            return _join(request, invitation, request.user)
        if User.objects.filter(email__iexact=invitation.email).exists():
            return _sign_in_first(request, invitation)
        return _welcome(request, invitation)
    except invitations.LoginExists:
        return _sign_in_first(request, invitation)
    except invitations.NoLongerOpen:
        invitation.refresh_from_db()
        return _closed(request, invitations.state_of(invitation, now=timezone.now()), invitation)


def _join(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    """For somebody who is signed in: one button, if the invitation is theirs."""
    if user.email.lower() != invitation.email.lower():
        return _closed(request, "other_login", invitation)
    if request.method != "POST":
        return answer(request, "invitation_join.html", {"invitation": invitation})
    invitations.accept(invitation, user, now=timezone.now())
    return _in(request, invitation)


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """For somebody without a login: a name, a password, and in."""
    form = WelcomeForm(request.POST or None, email=invitation.email)
    if not form.is_valid():
        return answer(request, "invitation_new.html", {"invitation": invitation, "form": form})
    user = invitations.accept_as_new(
        invitation,
        name=form.cleaned_data["name"],
        password=form.cleaned_data["password"],
        now=timezone.now(),
    )
    enter(request, user)
    return _in(request, invitation)


def _sign_in_first(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    name = invitation.merchant.name
    messages.info(request, f"You have a login already. Sign in to join the team of {name}.")
    return redirect_to_login(request.path, reverse("sign-in"))


def _in(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to the team of {invitation.merchant.name}.")
    return redirect("home")


def _closed(request: HttpRequest, why: str, invitation: Invitation | None) -> HttpResponse:
    """A link that leads no further: what happened, and what to do."""
    context: dict[str, Any] = {"why": str(why), "invitation": invitation}
    if invitation:
        context["meant_for"] = mask_email(invitation.email)
        context["used_by_reader"] = invitation.accepted_by_id == request.user.pk
    return answer(request, "invitation_closed.html", context)


def _of_team(request: Signed, public_id: UUID) -> Invitation:
    invitation = get_object_or_404(
        Invitation.objects.select_related("merchant"),
        public_id=public_id,
        merchant__in=Merchant.objects.visible_to(request.user),
    )
    require(request.user, Capability.INVITE, invitation.merchant)
    note_visit(request, invitation.merchant_id)
    return invitation


def _told(request: Signed, invitation: Invitation) -> HttpResponse:
    to = invitation.email
    messages.success(request, f"The invitation is on its way to {to}. It is good for 7 days.")
    return redirect("team", invitation.merchant.public_id)


def _too_late(request: Signed, invitation: Invitation) -> HttpResponse:
    messages.info(request, f"{invitation.email} has joined or the invitation was withdrawn before.")
    return redirect("team", invitation.merchant.public_id)
