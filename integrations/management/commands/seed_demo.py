"""The demo's world: one merchant, two stores that feed one Klaviyo account, three people."""

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.models import KlaviyoAccount, Membership, Merchant, Store, User
from integrations.pipeline import connections, second_step, subscriptions

# What the sandbox lets in; they open nothing anywhere else.
KLAVIYO_KEY = "pk_demo"
SHOPIFY_TOKEN = "shpat_demo"  # noqa: S105 - a stand-in's token opens nothing
PASSWORD = "demo-demo-demo"  # noqa: S105 - printed for everyone who starts the demo
STORES = {
    "alpine-outdoor.myshopify.com": "Alpine Outdoor",
    "harbour-coffee.myshopify.com": "Harbour Coffee",
}
PEOPLE = {
    "merchant": "merchant@demo.shop",
    "support": "support@demo.shop",
    "administrator": "admin@demo.shop",
}


class Command(BaseCommand):
    """Make the demo's world, or find it as it was left."""

    help = "Make the demo's merchant, stores and people; prints what the demo needs as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing and say where everything is."""
        now = timezone.now()
        merchant, _ = Merchant.objects.get_or_create(
            name="Northwind Demo", defaults={"created_at": now, "time_zone": "Europe/Berlin"}
        )
        account = merchant.klaviyo_accounts.first() or connections.connect_klaviyo(
            merchant, key=KLAVIYO_KEY, now=now
        )
        stores = [_store(account, domain, name, now) for domain, name in STORES.items()]
        staff = _people(merchant)
        self.stdout.write(
            json.dumps(
                {
                    "stores": {store.domain: str(store.public_id) for store in stores},
                    "people": PEOPLE,
                    "password": PASSWORD,
                    "second_step": {user.email: _second_step(user) for user in staff},
                }
            )
        )


def _store(account: KlaviyoAccount, domain: str, name: str, now: datetime) -> Store:
    store = Store.objects.filter(domain=domain).first()
    if store is None:
        store = connections.connect_shopify(account, domain=domain, token=SHOPIFY_TOKEN, now=now)
        store.name = name
        store.save(update_fields=["name"])
    # Each time: the console may have got another address since.
    subscriptions.look(store, now=now)
    return store


def _people(merchant: Merchant) -> list[User]:
    """Make whoever is missing, and say who is staff."""
    owner = _person("merchant", first_name="Mara")
    Membership.objects.get_or_create(user=owner, merchant=merchant, defaults={"role": "owner"})
    support = _person("support", first_name="Sam", is_staff=True)
    support.groups.set(Group.objects.filter(name="Support"))
    administrator = _person("administrator", first_name="Ada", is_staff=True, is_superuser=True)
    administrator.groups.set(Group.objects.filter(name="Administrators"))
    return [support, administrator]


def _second_step(user: User) -> dict[str, Any]:
    """Staff need a code: the app's secret, made up at the first start, and codes that work once.

    Nothing here is fixed, so that nobody's console can be entered with what stands in this file.
    """
    app, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=True, defaults={"name": "app"})
    return {"app": app.config_url, "codes": second_step.new_codes(user)}


def _person(role: str, **fields: Any) -> User:
    email = PEOPLE[role]
    return User.objects.filter(email=email).first() or User.objects.create_user(
        email, PASSWORD, **fields
    )
