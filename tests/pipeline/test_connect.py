"""Connecting: verified with the platform before anything is kept."""

import io

import pytest
from django.core.management import CommandError, call_command

from integrations.models import AuditEntry, Credential, KlaviyoAccount, Merchant, Store, StoreLane
from integrations.pipeline import connections
from sandbox.config import ShopConfig
from sandbox.shopify import Shopify
from tests import factories

DOMAIN = "alpine-outdoor.myshopify.com"


@pytest.fixture
def shopify(settings):
    with Shopify(shops=[ShopConfig(domain=DOMAIN, token="shpat_good")]) as server:
        settings.SHOPIFY_BASE_URL = f"{server.url}/{{shop}}"
        yield server


def typed(monkeypatch, secret):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{secret}\n"))


@pytest.mark.django_db(transaction=True)
def test_an_account_and_a_store_are_connected_from_the_command_line(klaviyo, shopify, monkeypatch):
    typed(monkeypatch, "pk_demo")
    call_command("connect", "klaviyo", "--merchant", "Alpine", stdout=io.StringIO())
    typed(monkeypatch, "shpat_good")
    said = io.StringIO()
    call_command("connect", "shopify", "--account", "DEMO01", "--domain", DOMAIN, stdout=said)

    store = Store.objects.get()
    assert str(store.public_id) in said.getvalue()
    assert store.klaviyo_account.external_id == "DEMO01"
    assert StoreLane.objects.filter(store=store).count() == 4
    assert "read_orders" in Credential.objects.get(store=store).scopes
    assert b"shpat_good" not in bytes(Credential.objects.get(store=store).secret)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("arguments", "secret"),
    [
        (("klaviyo", "--merchant", "Alpine"), "pk_wrong"),
        (("klaviyo", "--merchant", "Alpine"), ""),
        (("shopify", "--account", "DEMO01", "--domain", DOMAIN), "shpat_good"),
    ],
    ids=["a refused key", "no key", "an unknown account"],
)
def test_what_cannot_be_verified_is_not_kept(klaviyo, shopify, monkeypatch, arguments, secret):
    typed(monkeypatch, secret)
    with pytest.raises(CommandError):
        call_command("connect", *arguments, stdout=io.StringIO())

    assert not KlaviyoAccount.objects.exists()
    assert not Credential.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_new_key_lets_held_work_go_on(klaviyo):
    account = factories.an_account(factories.a_merchant(), key="pk_old", external_id="DEMO01")
    KlaviyoAccount.objects.hold(account.pk, reason="refused", now=factories.NOON)

    connections.connect_klaviyo(account.merchant, key="pk_demo", now=factories.NOON)

    account.refresh_from_db()
    assert account.held_since is None
    assert Credential.objects.get().reveal() == "pk_demo"


@pytest.mark.django_db(transaction=True)
def test_a_store_of_somebody_else_is_not_taken_over(klaviyo, shopify):
    theirs = factories.a_store(domain=DOMAIN)
    mine = factories.an_account(Merchant.objects.create(name="Me", created_at=factories.NOON))

    with pytest.raises(connections.OtherMerchant):
        connections.connect_shopify(mine, domain=DOMAIN, token="shpat_good", now=factories.NOON)

    assert Credential.objects.get(store=theirs).reveal() == "shpat_demo"


@pytest.mark.django_db(transaction=True)
def test_the_command_line_is_on_record_and_changes_no_kind_of_login(klaviyo, shopify, monkeypatch):
    typed(monkeypatch, "pk_demo")
    call_command("connect", "klaviyo", "--merchant", "Alpine", stdout=io.StringIO())
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.role) == ("credential.connected", "operator")

    Credential.objects.update(kind="klaviyo_oauth")
    typed(monkeypatch, "pk_demo")
    with pytest.raises(CommandError, match="metrics"):
        call_command("connect", "klaviyo", "--merchant", "Alpine", stdout=io.StringIO())
