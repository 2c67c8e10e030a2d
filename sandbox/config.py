"""Which shops and accounts a sandbox has, read from a JSON file."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

DEMO_TOKEN = "shpat_demo"  # noqa: S105 - a stand-in's token opens nothing
DEMO_SECRET = "shpss_demo"  # noqa: S105 - likewise

SCOPES = (
    "read_orders",
    "read_all_orders",
    "read_customers",
    "read_products",
    "read_inventory",
    "read_locations",
    "read_fulfillments",
)


class ShopConfig(Struct, kw_only=True, forbid_unknown_fields=True):
    """One shop: how the console reaches it and where its webhooks go."""

    domain: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com$")]
    token: str = DEMO_TOKEN
    secret: str = DEMO_SECRET
    # Where webhooks go that no subscription asks for, as if the app's configuration named it.
    webhook_url: str | None = None
    compliance_url: str | None = None
    name: str = "Demo shop"
    plan: str = "standard"
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    seed: int = 1
    # How many orders it has had before the sandbox first starts.
    past_orders: int = 0
    past_days: int = 90


class AccountConfig(Struct, kw_only=True, forbid_unknown_fields=True):
    """One Klaviyo account and the keys that open it."""

    id: str = "DEMO01"
    keys: list[str] = field(default_factory=lambda: ["pk_demo"])
    name: str = "Demo Outfitters"
    timezone: str = "UTC"
    currency: str = "USD"


class Config(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole sandbox."""

    shops: list[ShopConfig] = field(
        default_factory=lambda: [ShopConfig(domain="alpine-demo.myshopify.com")]
    )
    accounts: list[AccountConfig] = field(default_factory=lambda: [AccountConfig()])


def read(path: Path | None) -> Config:
    """Read a configuration, or take the demo's."""
    return Config() if path is None else msgspec.json.decode(path.read_bytes(), type=Config)
