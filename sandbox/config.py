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
    "read_customer_merge",
)


class AppConfig(Struct, kw_only=True, forbid_unknown_fields=True):
    """The console as one platform knows it: an app with a secret that may be sent back to."""

    client_id: str = "demo-app"
    secret: str = DEMO_SECRET
    name: str = "Sync Console"
    # Where people may be sent back to; compared letter by letter.
    redirect_uris: list[str] = field(default_factory=lambda: callbacks("shopify"))
    # Scopes the platform has not approved this app for: asked for in vain.
    withheld: list[str] = field(default_factory=list)


def callbacks(platform: str) -> list[str]:
    """Say where a console on this machine wants people sent back to."""
    hosts = ("127.0.0.1", "localhost")
    return [f"http://{host}:8000/connect/{platform}/answer/" for host in hosts]


def klaviyo_app() -> AppConfig:
    """Describe the app the demo has at Klaviyo."""
    return AppConfig(
        client_id="demo-klaviyo-app",
        secret="demo-klaviyo-secret",  # noqa: S106 - a stand-in's secret opens nothing
        redirect_uris=callbacks("klaviyo"),
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
    # Whether the app is there from the start, with `token`; if not, somebody has to install it.
    installed: bool = True
    seed: int = 1
    # How many orders it has had before the sandbox first starts.
    past_orders: int = 0
    past_days: int = 90


class AccountConfig(Struct, kw_only=True, forbid_unknown_fields=True):
    """One Klaviyo account and the keys that open it."""

    id: str = "DEMO01"
    keys: list[str] = field(default_factory=lambda: ["pk_demo"])
    # key -> what it may do; a key that is not named here may do everything.
    key_scopes: dict[str, list[str]] = field(default_factory=dict)
    name: str = "Demo Outfitters"
    timezone: str = "UTC"
    currency: str = "USD"


class Config(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole sandbox."""

    shops: list[ShopConfig] = field(
        default_factory=lambda: [ShopConfig(domain="alpine-demo.myshopify.com")]
    )
    accounts: list[AccountConfig] = field(default_factory=lambda: [AccountConfig()])
    shopify_app: AppConfig = field(default_factory=AppConfig)
    klaviyo_app: AppConfig = field(default_factory=klaviyo_app)


def read(path: Path | None) -> Config:
    """Read a configuration, or take the demo's."""
    return Config() if path is None else msgspec.json.decode(path.read_bytes(), type=Config)
