"""From which numbers on the people of a business are told."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import Merchant
from integrations.pipeline import alert_limits, audit, roles
from integrations.pipeline.alert_limits import RuleNow

from .access import Signed, answer, asking, note_visit, require, signed_in
from .forms import PlainForm


class RuleForm(PlainForm):
    """The numbers of one rule."""

    warning = forms.FloatField(label="A warning from", required=False, min_value=0)
    critical = forms.FloatField(label="Critical from", required=False, min_value=0)
    lasting = forms.IntegerField(
        label="After so many minutes in a row",
        min_value=0,
        max_value=alert_limits.LONGEST,
        help_text="0 tells at the first sight of it.",
    )


@signed_in
def rules(request: Signed, public_id: UUID) -> HttpResponse:
    """All rules of a business, with the numbers that hold."""
    merchant = _find(request, public_id)
    context = {
        "merchant": merchant,
        "rules": alert_limits.of_merchant(merchant),
        "may": roles.may(request.user, Capability.MANAGE_ALERTS, merchant),
    }
    return answer(request, "alerts/rules.html", context)


@asking
def rule(request: Signed, public_id: UUID, code: str) -> HttpResponse:
    """Choose other numbers for one rule, or the usual ones again."""
    merchant = _find(request, public_id)
    require(request.user, Capability.MANAGE_ALERTS, merchant)
    found = next((one for one in alert_limits.of_merchant(merchant) if one.rule.code == code), None)
    if found is None:
        raise Http404
    form = RuleForm(request.POST if request.method == "POST" else None, initial=_initial(found))
    by, now = audit.person(request.user, merchant), timezone.now()
    if "usual" in request.POST:
        alert_limits.forget(merchant, code, by=by, now=now)
        messages.success(request, f"The usual numbers hold again: {found.rule.title}.")
        return redirect("alert-rules", public_id=public_id)
    if form.is_valid():
        try:
            alert_limits.choose(merchant, code, by=by, now=now, **form.cleaned_data)
        except alert_limits.Refused as exc:
            form.add_error(None, str(exc))
        else:
            messages.success(request, f"From now on these numbers hold: {found.rule.title}.")
            return redirect("alert-rules", public_id=public_id)
    context = {"merchant": merchant, "found": found, "form": form}
    response = answer(request, "alerts/rule.html", context)
    response.status_code = 400 if form.errors else 200
    return response


def _initial(found: RuleNow) -> dict[str, object]:
    return {
        "warning": found.rule.warning,
        "critical": found.rule.critical,
        "lasting": int(found.rule.lasting.total_seconds() // 60),
    }


def _find(request: Signed, public_id: UUID) -> Merchant:
    merchant = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    note_visit(request, merchant.pk)
    return merchant
