"""Back from a platform's sign-in page."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.models import Authorization, Merchant
from integrations.pipeline import connection_pages, returning
from integrations.pipeline.authorizing import Refused
from integrations.pipeline.returning import Returned

from . import browser_mark
from .access import Signed, answer, note_visit, signed_in
from .sign_ins import refuse


@require_safe
@never_cache
def shopify(request: Signed) -> HttpResponse:
    """Take what Shopify sends back."""
    return _answer(request, returning.from_shopify)


@require_safe
@never_cache
def klaviyo(request: Signed) -> HttpResponse:
    """Take what Klaviyo sends back."""
    return _answer(request, returning.from_klaviyo)


@signed_in
def connected(request: Signed, public_id: UUID) -> HttpResponse:
    """What a sign-in has led to."""
    found = get_object_or_404(
        Authorization.objects.select_related("store", "klaviyo_account", "merchant").filter(
            outcome="connected", merchant__in=Merchant.objects.visible_to(request.user)
        ),
        public_id=public_id,
    )
    note_visit(request, found.merchant_id)
    context = {"trip": found, "page": connection_pages.connected_page(found)}
    return answer(request, "connected.html", context)


def _answer(request: Signed, take: Callable[..., Returned]) -> HttpResponse:
    if not request.user.is_authenticated:
        # Without the answer in the address: what it holds is for us alone, and ends by itself.
        return render(request, "signed_out_meanwhile.html", status=401)
    try:
        back = take(
            request.META.get("QUERY_STRING", ""),
            by=request.user,
            browser=request.COOKIES.get(browser_mark.NAME, ""),
            now=timezone.now(),
        )
    except Refused as exc:
        return refuse(request, exc)
    # A redirect, so that loading the page again does not answer a second time.
    if back.reconnection is not None:
        return redirect("reconnect", public_id=back.reconnection.public_id)
    return redirect("connected", public_id=back.authorization.public_id)
