"""Writing down who did what; inside the caller's transaction, so that both happen or neither."""

from datetime import datetime
from typing import Any, NamedTuple

from integrations.models import AuditEntry, KlaviyoAccount, Merchant, Store, User

from . import roles


class Actor(NamedTuple):
    """Who acts: a person in a role, or a part of the console."""

    user: User | None
    name: str
    role: str


AUTOMATIC = Actor(None, "Sync Console", "automatic")
# Whoever is at the sign-in page and has not shown who they are.
SOMEBODY = Actor(None, "Somebody", "unknown")
# Whoever may run commands on the server.
OPERATOR = Actor(None, "Command line", "operator")


def person(user: User, merchant: Merchant | None = None) -> Actor:
    """A person, in the role they have towards this merchant."""
    return Actor(user, user.email, roles.role_of(user, merchant) or "member")


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


def record_about(user: User, action: str, *, by: Actor | None = None, now: datetime) -> None:
    """Add an entry about a person to each merchant they belong to, or to the console's own trail.

    Without `by` they did it themselves.
    """
    merchants: list[Merchant | None] = [*Merchant.objects.filter(memberships__user=user)]
    for merchant in merchants or [None]:
        record(action, merchant, by=by or person(user, merchant), now=now, subject=user.email)


def _merchant(on: Merchant | Store | KlaviyoAccount | None) -> int | None:
    return on.pk if isinstance(on, Merchant) else on.merchant_id if on else None
