"""Our own app at each platform, as the settings name it."""

from django.conf import settings

from integrations.domain.grants import App


class NotConfigured(Exception):
    """This console has no app at a platform; the message names the settings."""


def shopify() -> App:
    """The Shopify app, with the secret that is current. Raises NotConfigured."""
    secret = next(filter(None, settings.SHOPIFY_APP_SECRETS), "")
    if not settings.SHOPIFY_CLIENT_ID or not secret:
        raise NotConfigured("SHOPIFY_CLIENT_ID and SHOPIFY_APP_SECRETS must both be set.")
    return App(settings.SHOPIFY_CLIENT_ID, secret)


def klaviyo() -> App:
    """The Klaviyo app. Raises NotConfigured."""
    if not settings.KLAVIYO_CLIENT_ID or not settings.KLAVIYO_CLIENT_SECRET:
        raise NotConfigured("KLAVIYO_CLIENT_ID and KLAVIYO_CLIENT_SECRET must both be set.")
    return App(settings.KLAVIYO_CLIENT_ID, settings.KLAVIYO_CLIENT_SECRET)


def shop_url(domain: str) -> str:
    """Where a shop's API is."""
    return str(settings.SHOPIFY_BASE_URL).format(shop=domain)


def answer_url(platform: str) -> str:
    """Where a platform sends people back to. It must be on the app's list, letter by letter.

    Raises NotConfigured.
    """
    if not settings.PUBLIC_URL:
        raise NotConfigured("PUBLIC_URL must be set.")
    return f"{settings.PUBLIC_URL}/connect/{platform}/answer/"
