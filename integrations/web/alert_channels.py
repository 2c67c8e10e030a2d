"""Who is told of alerts, and how: the ways out, a test of each, and adding or removing one."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.alerting import Severity
from integrations.domain.permissions import Capability
from integrations.models import AlertChannel, Merchant
from integrations.pipeline import audit, roles
from integrations.pipeline import channels as pipeline

from .access import Signed, acting, answer, asking, note_visit, require, signed_in
from .forms import PlainForm

HOUR = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class ChannelForm(PlainForm):
    """A new way out."""

    name = forms.CharField(label="A name for it", max_length=120)
    address = forms.CharField(
        label="Address",
        max_length=1000,
        help_text="An e-mail address, or an address as Apprise writes it, such as "
        "slack://… or pagerduty://… It is kept encrypted and never shown again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    least = forms.ChoiceField(
        label="What is told",
        choices=[
            (Severity.WARNING, "Warnings and what is critical"),
            (Severity.CRITICAL, "Only what is critical"),
        ],
    )
    quiet_from = forms.TimeField(
        label="Warnings wait from",
        required=False,
        widget=HOUR,
        help_text="What is critical never waits. Leave both empty to be told at any hour.",
    )
    quiet_until = forms.TimeField(label="Until", required=False, widget=HOUR)

    def clean(self) -> None:
        """Refuse half a night."""
        found = super().clean() or self.cleaned_data
        if bool(found.get("quiet_from")) != bool(found.get("quiet_until")):
            self.add_error("quiet_until", "Enter both times, or neither.")


@signed_in
def channels(request: Signed) -> HttpResponse:
    """All ways out a person may see."""
    rows = AlertChannel.objects.visible_to(request.user).select_related("merchant", "made_by")
    merchants = Merchant.objects.visible_to(request.user).order_by("name", "id")[:200]
    context = {
        "rows": [
            (one, pipeline.may_manage(request.user, one.merchant))
            for one in rows.defer("secret").order_by("merchant__name", "name", "pk")[:500]
        ],
        "merchants": [
            one for one in merchants if roles.may(request.user, Capability.MANAGE_ALERTS, one)
        ],
        "may_operators": pipeline.may_manage(request.user, None),
        "now": timezone.now(),
    }
    return answer(request, "alerts/channels.html", context)


@asking
def new(request: Signed, public_id: UUID) -> HttpResponse:
    """Add a way out for a business."""
    merchant = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    require(request.user, Capability.MANAGE_ALERTS, merchant)
    note_visit(request, merchant.pk)
    return _add(request, merchant)


@asking
def new_of_operators(request: Signed) -> HttpResponse:
    """Add a way out for those who run the console; they hear of everything."""
    if not pipeline.may_manage(request.user, None):
        raise PermissionDenied
    return _add(request, None)


@acting
def test(request: Signed, public_id: UUID) -> HttpResponse:
    """Send a test through one."""
    channel = _find(request, public_id)
    by = audit.person(request.user, channel.merchant)
    error = pipeline.test(channel, by=by, now=timezone.now())
    if error:
        messages.error(request, f"The test did not arrive at {channel.name}. {error}")
    else:
        messages.success(request, f"The test was taken by {channel.name}. See whether it arrived.")
    return redirect("alert-channels")


@asking
def remove(request: Signed, public_id: UUID) -> HttpResponse:
    """Remove one, after asking."""
    channel = _find(request, public_id)
    if request.method != "POST":
        return answer(request, "alerts/channel_remove.html", {"channel": channel})
    by = audit.person(request.user, channel.merchant)
    pipeline.remove(channel, by=by, now=timezone.now())
    messages.success(request, f"{channel.name} was removed.")
    return redirect("alert-channels")


def _add(request: Signed, merchant: Merchant | None) -> HttpResponse:
    form = ChannelForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        values = form.cleaned_data
        try:
            made = pipeline.add(
                merchant,
                name=values["name"],
                address=values["address"],
                least=values["least"],
                quiet=(values["quiet_from"], values["quiet_until"]),
                user=request.user,
                by=audit.person(request.user, merchant),
                now=timezone.now(),
            )
        except pipeline.Refused as exc:
            form.add_error("address", str(exc))
        else:
            messages.success(request, f"{made.name} was added. Send a test to see that it works.")
            return redirect("alert-channels")
    context = {"form": form, "merchant": merchant}
    response = answer(request, "alerts/channel_new.html", context)
    response.status_code = 400 if form.errors else 200
    return response


def _find(request: Signed, public_id: UUID) -> AlertChannel:
    rows = AlertChannel.objects.visible_to(request.user).select_related("merchant")
    found = get_object_or_404(rows, public_id=public_id)
    if not pipeline.may_manage(request.user, found.merchant):
        raise PermissionDenied
    if found.merchant_id is not None:
        note_visit(request, found.merchant_id)
    return found
