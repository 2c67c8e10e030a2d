"""The door a login opens."""

from django.conf import settings

from integrations.models import Credential
from integrations.models.credentials import CredentialKind
from integrations.platforms.klaviyo.client import Klaviyo
from integrations.platforms.shopify.client import Shopify

from . import apps


def shop(login: Credential) -> Shopify:
    """The door a shop's login opens. Raises LostKey."""
    assert login.store is not None  # noqa: S101 - a shop's login is of a store
    return Shopify(apps.shop_url(login.store.domain), login.reveal())


def account(login: Credential) -> Klaviyo:
    """The door an account's login opens; its kind decides how it is shown. Raises LostKey."""
    bearer = login.kind == CredentialKind.KLAVIYO_OAUTH
    return Klaviyo(settings.KLAVIYO_API_URL, login.reveal(), bearer=bearer)
