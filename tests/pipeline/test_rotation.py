"""New encryption keys: every secret under the first, and what is lost is a state and no crash."""

import io
import json

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from integrations.domain.failures import FailureKind, PlatformError
from integrations.models import AuditEntry, Credential, KlaviyoAccount, Notice
from integrations.pipeline import jobs, logins, lookups, rotation, upkeep
from integrations.secrets import is_current
from sandbox.klaviyo import Klaviyo
from tests import factories

from .conftest import an_order

OLD, NEW, UNKNOWN = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def three_logins(transactional_db, settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    account = factories.an_account(key="pk_demo")
    store = factories.a_store(account, token="shpat_demo")
    other = factories.a_store(account, token="shpat_other")
    for login in Credential.objects.filter(store=store):
        login.keep("shpat_demo", "shprt_demo")
        login.save()
    return account, store, other


def run():
    said = io.StringIO()
    call_command("rotate_keys", stdout=said)
    return said.getvalue()


def test_every_secret_is_encrypted_with_the_new_key_and_stays_what_it_was(three_logins, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    assert "Encrypted anew: 3." in run()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    secrets = {one.reveal() for one in Credential.objects.all()}
    assert secrets == {"pk_demo", "shpat_demo", "shpat_other"}
    assert {one.reveal_refresh() for one in Credential.objects.all()} == {"", "shprt_demo"}


def test_it_can_be_stopped_and_run_again(three_logins, settings, monkeypatch):
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    monkeypatch.setattr(rotation, "AT_ONCE", 1)
    rotate, done = rotation._rotate, []

    def stops(login, report, now):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(login.pk)
        rotate(login, report, now)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_rotate", stops)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert sum(is_current(bytes(one.secret)) for one in Credential.objects.all()) == 2

    assert "Encrypted anew: 1. Were already: 2." in run()


def test_what_cannot_be_read_is_named_marked_held_and_told_of(three_logins, settings):
    account, store, _ = three_logins
    settings.FIELD_ENCRYPTION_KEYS = [UNKNOWN]
    Credential.objects.get(store=store)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, UNKNOWN]

    said = run()

    assert "Cannot be read: 3." in said
    assert store.name in said
    assert set(Credential.objects.values_list("state", flat=True)) == {"unreadable"}
    assert KlaviyoAccount.objects.get(pk=account.pk).held_since is not None
    assert Notice.objects.count() == 3
    assert AuditEntry.objects.filter(action="credential.broken").count() == 3
    assert "Cannot be read: 3." in run()
    assert Notice.objects.count() == 3


def test_a_lost_key_stops_nobody(three_logins, settings, klaviyo: Klaviyo, work, clock):
    account, store, _ = three_logins
    factories.an_event(store, body=b'{"id": 1}')
    factories.an_event(store, body=json.dumps(an_order(1)).encode())
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    work()
    upkeep.renew_due(clock=clock, stopping=lambda: False)
    upkeep.check_due(clock=clock, stopping=lambda: False)
    jobs.follow_due(clock=clock, stopping=lambda: False)
    with pytest.raises(PlatformError) as caught:
        lookups.orders(store, ["1"], now=clock())

    assert caught.value.failure.kind is FailureKind.AUTH
    assert set(Credential.objects.values_list("state", flat=True)) == {"unreadable"}
    assert KlaviyoAccount.objects.get(pk=account.pk).held_since is not None


def test_a_key_that_comes_back_brings_the_logins_back(three_logins, settings, klaviyo, clock, work):
    account, _, _ = three_logins
    login = account.credential
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert not logins.check(login, now=clock())
    assert Credential.objects.get(pk=login.pk).state == "unreadable"

    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    clock.forward(minutes=6)
    Credential.objects.exclude(pk=login.pk).update(checked_at=clock(), last_success_at=clock())

    assert upkeep.check_due(clock=clock, stopping=lambda: False) == 1
    assert KlaviyoAccount.objects.get(pk=account.pk).held_since is None


def test_what_profiles_held_before_a_fetch_is_read_with_the_new_key_as_well(three_logins, settings):
    _, store, _ = three_logins
    before = factories.a_before(factories.a_sync_job(store))
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    rotation.rotate(now=factories.NOON)

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    before.refresh_from_db()
    assert "alpine-demo" in before.reveal()
