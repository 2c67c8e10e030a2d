"""Which account does a key open?"""

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError

from .answers import failure_of
from .client import Klaviyo


class _Contact(msgspec.Struct):
    organization_name: str = ""


class _Attributes(msgspec.Struct):
    contact_information: _Contact | None = None


class _Account(msgspec.Struct):
    id: str
    attributes: _Attributes


class _Accounts(msgspec.Struct):
    data: list[_Account]


class Account(msgspec.Struct, frozen=True):
    """What an account says of itself."""

    id: str
    name: str


def read(client: Klaviyo) -> Account:
    """Ask which account the key opens. Raises PlatformError."""
    answer = client.get("accounts")
    if failure := failure_of(answer):
        raise PlatformError(failure)
    try:
        [found, *_] = msgspec.json.decode(answer.body, type=_Accounts).data
    except (msgspec.DecodeError, ValueError) as exc:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "Klaviyo named no account for this key.", "no_account")
        ) from exc
    contact = found.attributes.contact_information
    return Account(found.id, (contact.organization_name if contact else "") or found.id)
