"""Changing many failed records by one rule: choose it, see what it would do, confirm the number."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from integrations.domain import diffs, parameters, pointers, recipes, showing
from integrations.domain import repairs as domain
from integrations.domain.masking import mask_text
from integrations.domain.permissions import Capability
from integrations.models import GroupRepair
from integrations.pipeline import audit, group_repairs, replays
from integrations.pipeline.failed_lists import FailedFilter
from integrations.pipeline.group_repairs import Sample
from integrations.pipeline.repairs import Refused

from .access import Signed, acting, answer, asking, note_visit, require, signed_in
from .selections import Chosen, chosen


@asking
def new(request: Signed) -> HttpResponse:
    """Choose a rule and see what it would do, then confirm how many are changed."""
    form = request.POST if request.method == "POST" else request.GET
    wanted = chosen(request.user, form)
    if wanted.is_empty:
        messages.info(request, "Choose at least one record first.")
        return redirect("failed-records")
    try:
        merchant = group_repairs.merchant_of(request.user, wanted.selection)
    except Refused as exc:
        messages.info(request, str(exc))
        return redirect("failed-records")
    require(request.user, Capability.REPAIR, merchant)
    note_visit(request, merchant.pk)
    recipe = recipes.RECIPES.get(form.get("recipe", ""))
    value = " ".join(form.get("value", "").replace("\x00", "").split())[:120]
    refused = recipes.refusal(recipe, value) if recipe else ""
    if recipe and not refused and request.method == "POST" and "confirmed" in form:
        try:
            made = group_repairs.confirm(
                request.user,
                wanted.selection,
                recipe,
                value,
                confirmed=parameters.whole(form.get("confirmed", "")),
                by=audit.person(request.user, merchant),
                key=parameters.identifier(form.get("key", "")) or uuid4(),
                now=timezone.now(),
            )
        except Refused as exc:
            refused = str(exc)
        else:
            return redirect("repair-group", public_id=made.public_id)
    found = None
    if recipe and not recipes.refusal(recipe, value):
        found = group_repairs.preview(request.user, wanted.selection, recipe, value)
    context = {
        "fields": wanted.fields,
        "words": wanted.words,
        "rules": _rules(request, wanted),
        "recipe": recipe,
        "value": value,
        "preview": found,
        "samples": [(one.letter, _rows(one)) for one in found.samples] if found else [],
        "refused": refused,
        "key": uuid4(),
    }
    response = answer(request, "repairs/group_new.html", context)
    response.status_code = 409 if refused and "confirmed" in form else 200
    return response


@signed_in
def group(request: Signed, public_id: UUID) -> HttpResponse:
    """How far changing many records is, and what became of them."""
    found = _find(request, public_id)
    recipe = recipes.RECIPES.get(found.recipe)
    context = {"group": found, "recipe": recipe, "now": timezone.now(), "key": uuid4()}
    return answer(request, "repairs/group.html", context, live="repairs/group_live.html")


@acting
def send(request: Signed, public_id: UUID) -> HttpResponse:
    """Write down that the changed ones are to be sent; the page that follows says what happens."""
    found = _find(request, public_id)
    require(request.user, Capability.SEND_AGAIN, found.merchant)
    try:
        replay = replays.draft_among(
            group_repairs.repaired_rows(found),
            f"Changed by a rule: {found.words}",
            merchant=found.merchant,
            by=audit.person(request.user, found.merchant),
            key=parameters.identifier(request.POST.get("key", "")) or uuid4(),
            now=timezone.now(),
        )
    except replays.Refused as exc:
        messages.error(request, str(exc))
        return redirect("repair-group", public_id=public_id)
    return redirect("replay", public_id=replay.public_id)


def _find(request: Signed, public_id: UUID) -> GroupRepair:
    rows = GroupRepair.objects.visible_to(request.user).select_related("merchant", "asked_by")
    found = get_object_or_404(rows, public_id=public_id)
    note_visit(request, found.merchant_id)
    return found


def _rules(request: Signed, wanted: Chosen) -> list[tuple[recipes.Recipe, bool]]:
    """All rules, the ones that fit the reason first."""
    first = group_repairs.open_rows(request.user, wanted.selection).select_related("cause").first()
    field, rule = (first.cause.field, first.cause.rule) if first else ("", "")
    if isinstance(wanted.selection, FailedFilter) and not wanted.selection.cause:
        field = rule = ""
    return [(one, one.fits(field, rule)) for one in recipes.fitting(field, rule)]


def _rows(sample: Sample) -> list[tuple[str, str, str]]:
    rows = []
    for one in sample.changes:
        hide = showing.hides(sample.before, one.path)
        said = [
            "–" if isinstance(value, diffs.Nothing) else showing.value(value, hide=hide)
            for value in (one.before, one.after)
        ]
        label = f"{domain.label(one.path)} ({pointers.written(one.path)})"
        rows.append((label, mask_text(said[0])[:300], mask_text(said[1])[:300]))
    return rows
