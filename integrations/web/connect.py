"""Connecting: a Klaviyo account first, then a shop."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from integrations.domain.logins import Side
from integrations.domain.permissions import Capability
from integrations.domain.shopnames import NotAShop, domain_of
from integrations.models import KlaviyoAccount, Merchant
from integrations.pipeline import authorizing, connection_pages, roles

from .access import Signed, acting, answer, note_visit, require, signed_in
from .sign_ins import leave, refuse


@signed_in
def connect(request: Signed) -> HttpResponse:
    """Where to connect: at once for whoever has one business, else one to choose from."""
    seen = Merchant.objects.visible_to(request.user).order_by("name", "pk")[:200]
    merchants = [one for one in seen if roles.may(request.user, Capability.CONNECT, one)]
    if len(merchants) == 1:
        return redirect("merchant-connect", public_id=merchants[0].public_id)
    context = {"merchants": merchants, "belongs": bool(seen)}
    return answer(request, "connect_for_whom.html", context)


@signed_in
def merchant_connect(request: Signed, public_id: UUID) -> HttpResponse:
    """The two steps, with what is done already."""
    merchant = _merchant(request, public_id)
    return _page(request, merchant)


@acting
def klaviyo(request: Signed, public_id: UUID) -> HttpResponse:
    """Leave for Klaviyo's sign-in page."""
    merchant = _merchant(request, public_id)
    return leave(
        request,
        Side.KLAVIYO,
        lambda mark: authorizing.begin_klaviyo(
            merchant,
            by=request.user,
            browser=mark,
            now=timezone.now(),
            switch_kind=request.POST.get("switch") == "yes",
        ),
        back=_url(merchant),
    )


@acting
def klaviyo_key(request: Signed, public_id: UUID) -> HttpResponse:
    """Connect an account with a key that was pasted."""
    merchant = _merchant(request, public_id)
    try:
        account = authorizing.connect_key(
            merchant,
            key=request.POST.get("key", "")[:300],
            by=request.user,
            now=timezone.now(),
            switch_kind=request.POST.get("switch") == "yes",
        )
    except authorizing.Refused as exc:
        if exc.code == "key_refused":
            return _page(request, merchant, key_error=exc, status=400)
        again = reverse("connect-klaviyo-key", args=[merchant.public_id])
        return refuse(request, exc, back=_url(merchant), switch_url=again, by_key=True)
    messages.success(request, f"{account.name} is connected. Klaviyo has accepted the key.")
    return redirect("account-connection", public_id=account.public_id)


@acting
def shop(request: Signed, public_id: UUID) -> HttpResponse:
    """Leave for a shop's sign-in page."""
    merchant = _merchant(request, public_id)
    typed = request.POST.get("shop", "")[:300]
    try:
        domain = domain_of(typed)
    except NotAShop as exc:
        return _page(request, merchant, shop_error=str(exc), typed=typed, status=400)
    account = _account(request, merchant)
    return leave(
        request,
        Side.SHOPIFY,
        lambda mark: authorizing.begin_shopify(
            merchant,
            domain=domain,
            by=request.user,
            browser=mark,
            now=timezone.now(),
            account=account,
        ),
        back=_url(merchant),
    )


def _merchant(request: Signed, public_id: UUID) -> Merchant:
    found = get_object_or_404(Merchant.objects.visible_to(request.user), public_id=public_id)
    require(request.user, Capability.CONNECT, found)
    note_visit(request, found.pk)
    return found


def _url(merchant: Merchant) -> str:
    return reverse("merchant-connect", args=[merchant.public_id])


def _account(request: Signed, merchant: Merchant) -> KlaviyoAccount | None:
    """The account that was chosen; without a choice the only one there is."""
    try:
        chosen = UUID(request.POST.get("account", ""))
    except ValueError:
        return None
    return get_object_or_404(
        KlaviyoAccount.objects.visible_to(request.user), merchant=merchant, public_id=chosen
    )


def _page(
    request: Signed,
    merchant: Merchant,
    *,
    shop_error: str = "",
    key_error: authorizing.Refused | None = None,
    typed: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "merchant": merchant,
        "page": connection_pages.connect_page(merchant),
        "with_klaviyo": bool(settings.KLAVIYO_CLIENT_ID and settings.KLAVIYO_CLIENT_SECRET),
        "with_shopify": bool(settings.SHOPIFY_CLIENT_ID and settings.SHOPIFY_APP_SECRETS),
        "shop_error": shop_error,
        "key_error": key_error,
        "typed": typed,
    }
    response = answer(request, "connect.html", context)
    response.status_code = status
    return response
