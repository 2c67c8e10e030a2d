"""Everybody's logins, for administrators: who is locked out, who lost the second step."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import Membership, User
from integrations.pipeline import audit, roles, second_step, sessions
from integrations.pipeline.people import everybody

from .access import Signed, acting, answer, asking, require, signed_in


@asking
def people(request: Signed) -> HttpResponse:
    """The list; a search is posted, so that no address stands in an address."""
    require(request.user, Capability.MANAGE_LOGINS)
    text = request.POST.get("text", "").strip()[:254].replace("\x00", "")
    after = request.GET.get("after", "")
    context = {
        "page": everybody(text=text, after=after, now=timezone.now()),
        "text": text,
        "paged": bool(after),
    }
    return answer(request, "people.html", context)


@signed_in
def person(request: Signed, pk: int) -> HttpResponse:
    """One login, and what can be done when somebody cannot get in."""
    require(request.user, Capability.MANAGE_LOGINS)
    user = get_object_or_404(User, pk=pk)
    teams = Membership.objects.filter(user=user).select_related("merchant")
    context = {
        "person": user,
        "role": roles.role_of(user) if user.is_staff else None,
        "memberships": teams.order_by("merchant__name", "pk"),
        "app": second_step.app_of(user),
        "locked": bool(sessions.locked_among([user], now=timezone.now())),
    }
    return answer(request, "person.html", context)


@acting
def unlock(request: Signed, pk: int) -> HttpResponse:
    """Let somebody try their password again at once."""
    require(request.user, Capability.MANAGE_LOGINS)
    user = get_object_or_404(User, pk=pk)
    sessions.unlock(user, by=audit.person(request.user), now=timezone.now())
    messages.success(request, f"{user.email} can try again at once.")
    return redirect("person", pk)


@asking
def reset(request: Signed, pk: int) -> HttpResponse:
    """Take somebody's second step away, after asking; staff set up a new one when they sign in."""
    require(request.user, Capability.MANAGE_LOGINS)
    user = get_object_or_404(User, pk=pk)
    if request.method != "POST":
        return answer(request, "person_second_step.html", {"person": user})
    second_step.switch_off(user, by=audit.person(request.user), now=timezone.now())
    messages.success(request, f"The second step of {user.email} is reset.")
    return redirect("person", pk)
