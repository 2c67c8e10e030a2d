"""A merchant's team: who is in it, in which role, and who has been asked in."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import Membership, Merchant
from integrations.models.people import Role
from integrations.pipeline import invitations, roles, team

from .access import Signed, answer, asking, note_visit, require, signed_in
from .forms import RoleForm

# Teams are small; whoever has more merchants than this searches for one.
MOST = 200


@signed_in
def teams(request: Signed) -> HttpResponse:
    """The merchants whose team a person may see; straight to the team where there is only one."""
    wanted = request.GET.get("name", "").strip().replace("\x00", "")
    rows = Merchant.objects.visible_to(request.user).filter(name__icontains=wanted)
    found = list(rows.annotate(people=Count("memberships")).order_by("name", "pk")[: MOST + 1])
    if len(found) == 1 and not wanted:
        return redirect("team", found[0].public_id)
    context = {"rows": found[:MOST], "more": len(found) > MOST, "wanted": wanted}
    return answer(request, "teams.html", context)


@signed_in
def members(request: Signed, public_id: UUID) -> HttpResponse:
    """The people of one merchant, and the invitations that wait."""
    merchant = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    require(request.user, Capability.SEE_TEAM, merchant)
    note_visit(request, merchant.pk)
    context = {
        "merchant": merchant,
        "people": Membership.objects.filter(merchant=merchant)
        .select_related("user")
        .order_by("user__email"),
        "invitations": invitations.waiting(merchant),
        "may_invite": roles.may(request.user, Capability.INVITE, merchant),
        "may_change": roles.may(request.user, Capability.CHANGE_ROLES, merchant),
        "may_remove": roles.may(request.user, Capability.REMOVE_PEOPLE, merchant),
    }
    return answer(request, "team.html", context)


@asking
def change_role(request: Signed, public_id: UUID, pk: int) -> HttpResponse:
    """Give somebody of the team another role."""
    one = _member(request, public_id, pk, Capability.CHANGE_ROLES)
    form = RoleForm(request.POST or None, initial={"role": one.role})
    if form.is_valid():
        role = form.cleaned_data["role"]
        try:
            changed = team.change_role(one, role, by=request.user, now=timezone.now())
        except team.LastOwner:
            return _last_owner(request, one)
        if changed:
            label = Role(role).label.lower()
            messages.success(request, f"{one.user.email} is now {label} of {one.merchant.name}.")
        return redirect("team", public_id)
    if team.is_last_owner(one):
        return _last_owner(request, one)
    return answer(request, "team_role.html", {"one": one, "merchant": one.merchant, "form": form})


@asking
def remove(request: Signed, public_id: UUID, pk: int) -> HttpResponse:
    """Take somebody out of the team, after asking."""
    one = _member(request, public_id, pk, Capability.REMOVE_PEOPLE)
    if team.is_last_owner(one):
        return _last_owner(request, one)
    if request.method != "POST":
        return answer(request, "team_remove.html", {"one": one, "merchant": one.merchant})
    try:
        team.remove(one, by=request.user, now=timezone.now())
    except team.LastOwner:
        return _last_owner(request, one)
    messages.success(request, f"{one.user.email} is no longer in the team.")
    own = one.user_id == request.user.pk and not request.user.is_staff
    return redirect("home") if own else redirect("team", public_id)


def _member(request: Signed, public_id: UUID, pk: int, capability: Capability) -> Membership:
    merchant = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    require(request.user, capability, merchant)
    note_visit(request, merchant.pk)
    rows = Membership.objects.select_related("user", "merchant")
    return get_object_or_404(rows, merchant=merchant, pk=pk)


def _last_owner(request: Signed, one: Membership) -> HttpResponse:
    """Why the last owner stays, and what to do first."""
    return answer(request, "team_last_owner.html", {"one": one, "merchant": one.merchant})
