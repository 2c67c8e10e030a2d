"""Klaviyo accounts: what they let us do, and who feeds them."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import KlaviyoAccount
from integrations.pipeline import allowance, breaker_pages, roles
from integrations.platforms.klaviyo import REVISION

from .access import Signed, answer, note_visit, signed_in


@signed_in
def accounts(request: Signed) -> HttpResponse:
    """The accounts a person may see."""
    context = {"rows": allowance.accounts(request.user), "now": timezone.now()}
    return answer(request, "accounts.html", context)


@signed_in
def account(request: Signed, public_id: UUID) -> HttpResponse:
    """One account: login, shops, what is held, and the allowance."""
    now = timezone.now()
    found = get_object_or_404(
        KlaviyoAccount.objects.visible_to(request.user).select_related("merchant", "breaker"),
        public_id=public_id,
    )
    note_visit(request, found.merchant_id)
    panel = breaker_pages.panel(found, now=now)
    context = {
        "account": found,
        "zone": found.merchant.time_zone,
        "page": allowance.account_page(found, now=now),
        "revision": REVISION,
        "panel": panel,
        "may_try": panel is not None
        and panel.is_open
        and roles.may(request.user, Capability.TRY_NOW, found.merchant),
        "now": now,
    }
    return answer(request, "account.html", context, live="account_live.html")
