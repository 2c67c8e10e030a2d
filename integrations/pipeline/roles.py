"""What a person is to a merchant, read from the tables."""

from integrations.domain.permissions import Capability, Role, allows
from integrations.models import Membership, Merchant, User

# Who holds it may make others staff; superusers and the group of administrators do.
_ADMINISTERS = "integrations.change_user"


def role_of(user: User, merchant: Merchant | None = None) -> Role | None:
    """Say what a person is to a merchant; None when nothing, so that they may do nothing."""
    if not user.is_active:
        return None
    if user.is_staff:
        return Role.ADMINISTRATOR if user.has_perm(_ADMINISTERS) else Role.SUPPORT
    if merchant is None:
        return None
    own = Membership.objects.filter(user=user, merchant=merchant).values_list("role", flat=True)
    role = own.first()
    return Role(role) if role else None


def may(user: User, capability: Capability, merchant: Merchant | None = None) -> bool:
    """Say whether a person may do something to a merchant; without one, only staff may."""
    return allows(role_of(user, merchant), capability)
