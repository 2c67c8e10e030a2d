"""The name of a shop, out of whatever its owner has at hand."""

import re

# docs/apps/build/authentication-authorization: a shop's own name, and nothing before or behind it.
_NAME = re.compile(r"\A[a-z0-9][a-z0-9-]{0,59}\Z")
_HOST = re.compile(r"\A([a-z0-9][a-z0-9-]{0,59})\.myshopify\.com\Z")
_ADMIN = re.compile(r"\Aadmin\.shopify\.com/store/([a-z0-9][a-z0-9-]{0,59})\Z")


class NotAShop(Exception):
    """What was typed names no shop; the message says what would."""


def domain_of(typed: str) -> str:
    """The `name.myshopify.com` of a name, an address or a page of the shop's administration.

    Raises NotAShop.
    """
    text = re.sub(r"\Ahttps?://", "", typed.strip().lower())
    if not text:
        raise NotAShop("Enter the name of your shop.")
    admin = _ADMIN.match("/".join(text.split("?")[0].split("#")[0].split("/")[:3]))
    if admin:
        return f"{admin[1]}.myshopify.com"
    host = re.split(r"[/?#]", text)[0]
    if _HOST.match(host):
        return host
    if host == text and _NAME.match(text):
        return f"{text}.myshopify.com"
    if "." in host:
        raise NotAShop(
            "This is the address your customers see. Enter the one that ends in .myshopify.com. "
            "It stands in Shopify under Settings, then Domains."
        )
    raise NotAShop("A shop’s name has only letters, digits and hyphens, like my-shop.")
