"""Failed records as files: choosing what is in one, and giving it out as it is read."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from integrations.pipeline import failed_export
from integrations.pipeline.spreadsheets import Format

from .access import Signed, acting, answer
from .downloads import download
from .selections import Chosen, chosen


@acting
def export(request: Signed) -> HttpResponseBase:
    """Ask which file, then give it out; what is in it was chosen in the list."""
    if not failed_export.may_export(request.user):
        raise PermissionDenied
    wanted = chosen(request.user, request.POST)
    if wanted.is_empty:
        messages.info(request, "Choose at least one record first.")
        return redirect("failed-records")
    form, clear = request.POST.get("format", ""), bool(request.POST.get("clear"))
    if form not in set(Format):
        return _ask(request, wanted)
    if clear and not failed_export.may_export(request.user, clear=True):
        raise PermissionDenied
    now, format = timezone.now(), Format(form)
    lines = failed_export.export(request.user, wanted.selection, format, clear=clear, now=now)
    return download(lines, "failed-records", format=format, now=now)


def _ask(request: Signed, wanted: Chosen) -> HttpResponse:
    context = {
        "fields": wanted.fields,
        "words": wanted.words,
        "count": failed_export.count(request.user, wanted.selection),
        "may_clear": failed_export.may_export(request.user, clear=True),
    }
    return answer(request, "bin/export.html", context)
