"""Writing down who did what; inside the caller's transaction, so that both happen or neither."""

from datetime import datetime
from typing import Any, NamedTuple

from integrations.models import AuditEntry, KlaviyoAccount, Membership, Merchant, Store, User


class Actor(NamedTuple):
    """Who acts: a person in a role, or a part of the console."""

    user: User | None
    name: str
    role: str


AUTOMATIC = Actor(None, "Sync Console", "automatic")


def person(user: User, merchant: Merchant | None = None) -> Actor:
    """A person, in the role they have towards this merchant."""
    if user.is_superuser:
        role = "administrator"
    elif user.is_staff:
        role = "support"
    else:
        own = Membership.objects.filter(user=user, merchant=merchant)
        role = own.values_list("role", flat=True).first() or "member"
    return Actor(user, user.email, role)


def record(
    action: str,
    on: Merchant | Store | KlaviyoAccount | None,
    *,
    by: Actor,
    now: datetime,
    **details: Any,
) -> AuditEntry:
    """Add an entry: what was done, to what, by whom.

    The details are `subject` (what it was done to, where that is not the row itself), `before`,
    `after` and `reason`. Secrets and personal data of customers never go into them.
    """
    return AuditEntry.objects.create(
        at=now,
        actor=by.user,
        actor_name=by.name,
        role=by.role,
        action=action,
        merchant_id=_merchant(on),
        store=on if isinstance(on, Store) else None,
        klaviyo_account=on if isinstance(on, KlaviyoAccount) else None,
        subject=str(details.pop("subject", None) or on or "")[:200],
        reason=str(details.pop("reason", ""))[:500],
        **details,
    )


def _merchant(on: Merchant | Store | KlaviyoAccount | None) -> int | None:
    return on.pk if isinstance(on, Merchant) else on.merchant_id if on else None
