"""How Shopify refuses a login: some refusals are pages for people, some are JSON."""

from sandbox.html import page, tag
from sandbox.messages import Reply

MEANING = {
    "app_not_installed": "The app is not installed on this shop.",
    "application_cannot_be_found": "No application has this client id.",
    "invalid_request": "The request cannot be understood.",
    "invalid_scope": "The app asks for access that does not exist.",
    "shop_not_permitted": "The app cannot do this on this shop.",
}


def error_page(slug: str, *details: str) -> Reply:
    """Make the page with this slug in its title."""
    told = details or (MEANING.get(slug, "Something is wrong with the request."),)
    return page(f"400 - Oauth error {slug}", *(tag("p", text) for text in told), status=400)


def error_json(error: str, description: str) -> Reply:
    """Refuse in OAuth's own form."""
    return Reply(400, {"error": error, "error_description": description})
