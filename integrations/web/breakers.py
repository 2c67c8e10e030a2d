"""Having a platform tried again at once that has trouble."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from integrations.domain.permissions import Capability
from integrations.models import Store
from integrations.pipeline import audit, probing

from .access import Signed, acting, require
from .connections import Target, find_account, find_store


@acting
def try_store(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask a shop's platform now whether it answers again."""
    return _try(request, find_store(request, public_id))


@acting
def try_account(request: Signed, public_id: UUID) -> HttpResponse:
    """Ask Klaviyo now whether it answers again."""
    return _try(request, find_account(request, public_id))


def _try(request: Signed, target: Target) -> HttpResponse:
    require(request.user, Capability.TRY_NOW, target.merchant)
    of_shop = isinstance(target, Store)
    name = "Shopify" if of_shop else "Klaviyo"
    actor = audit.person(request.user, target.merchant)
    try:
        answers = probing.try_now(target, by=actor, now=timezone.now())
    except probing.BeingProbed:
        messages.info(request, f"We are asking {name} at this moment. Look again in a minute.")
    else:
        if answers:
            messages.success(request, f"{name} answers. What was held goes on by itself.")
        else:
            messages.warning(request, f"We asked just now. {name} still has trouble.")
    return redirect("store" if of_shop else "account", public_id=target.public_id)
