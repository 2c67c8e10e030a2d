"""Connecting from the command line, with a key or a token that somebody has at hand."""

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.domain.failures import PlatformError
from integrations.models import KlaviyoAccount, Merchant, Store
from integrations.pipeline import connections
from integrations.pipeline.audit import OPERATOR

REFUSALS = (
    connections.WrongShop,
    connections.OtherMerchant,
    connections.OtherAccount,
    connections.OtherKind,
)


class Command(BaseCommand):
    """Connect a Klaviyo account or a Shopify store; the secret is asked for, never an argument."""

    help = (
        "Connect a Klaviyo account (by private key) or a Shopify store (by access token). "
        "The secret is read from the terminal or from standard input, and verified at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command per platform."""
        kinds = parser.add_subparsers(dest="platform", required=True)
        klaviyo = kinds.add_parser("klaviyo", help="connect an account, or renew its key")
        klaviyo.add_argument("--merchant", required=True, help="name; made when it is new")
        shopify = kinds.add_parser("shopify", help="connect a store, or renew its token")
        shopify.add_argument("--account", required=True, help="the account's id at Klaviyo")
        shopify.add_argument("--domain", required=True, help="name.myshopify.com")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, connect, and say what to do next."""
        try:
            if options["platform"] == "klaviyo":
                self._klaviyo(options["merchant"])
            else:
                self._shopify(options["account"], options["domain"])
        except PlatformError as exc:
            raise CommandError(f"Not connected: {exc}") from exc
        except REFUSALS as exc:
            raise CommandError(f"Not connected: {exc}") from exc

    def _klaviyo(self, name: str) -> None:
        now = timezone.now()
        merchant, _ = Merchant.objects.get_or_create(name=name, defaults={"created_at": now})
        account = connections.connect_klaviyo(
            merchant, key=_secret("Private key"), now=now, by=OPERATOR
        )
        self.stdout.write(f"Connected Klaviyo account {account.external_id} ({account.name}).")

    def _shopify(self, account_id: str, domain: str) -> None:
        account = KlaviyoAccount.objects.filter(external_id=account_id).first()
        if account is None:
            raise CommandError(f"No Klaviyo account with the id {account_id} is connected.")
        store: Store = connections.connect_shopify(
            account,
            domain=domain,
            token=_secret("Access token"),
            now=timezone.now(),
            by=OPERATOR,
        )
        self.stdout.write(
            f"Connected {store.domain}. Send its webhooks to "
            f"https://<this console>/webhooks/shopify/{store.public_id}/"
        )


def _secret(name: str) -> str:
    """Ask without showing it, or read a line from a pipe."""
    secret = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not secret.strip():
        raise CommandError(f"{name} is missing.")
    return secret.strip()
