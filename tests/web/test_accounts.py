from datetime import timedelta

import pytest
from django.urls import reverse

from integrations.domain.budgets import slot_of
from integrations.models import Budget, Call, Credential, KlaviyoAccount
from tests import factories as a


def read(client, account=None):
    url = reverse("account", args=[account.public_id]) if account else reverse("accounts")
    return " ".join(client.get(url).content.decode().split())


def test_a_stopped_account_stands_first_and_says_how_much_is_kept(owner, world, now):
    a.an_account(world.account.merchant, name="Aaa well")
    a.an_event(world.store, received_at=now)
    KlaviyoAccount.objects.filter(pk=world.account.pk).update(held_since=now, held_reason="401 no")

    listed, page = read(owner), read(owner, world.account)

    assert listed.index("Alpine Klaviyo") < listed.index("Aaa well")
    assert "Delivery to this account is stopped." in page
    assert "1 message is kept here" in page
    assert "401 no" not in page


@pytest.mark.parametrize("state", ["needs_reconnect", "revoked", None])
def test_an_account_without_a_working_login_is_not_called_working(owner, world, state):
    logins = Credential.objects.filter(klaviyo_account=world.account)
    logins.update(state=state) if state else logins.delete()

    assert "<title> Stopped" in read(owner, world.account)
    assert "Klaviyo takes what we deliver." not in read(owner, world.account)


def test_the_allowance_is_shown_as_a_meter_and_as_text(owner, world, now):
    Budget.objects.create(
        klaviyo_account=world.account,
        endpoint="event-bulk-create-jobs",
        burst=10,
        steady=150,
        slots={str(slot_of(now) - 40): 7, str(slot_of(now) - 9999): 99},
        blocked_until=now + timedelta(minutes=2),
        updated_at=now,
    )

    page = read(owner, world.account)

    assert "Events in batches" in page
    assert 'max="150"' in page
    assert "7 of 150" in page
    assert "0 of 10" in page
    assert "again <time" in page


def test_support_sees_the_revision_the_reason_and_the_last_calls(staff, world, now):
    KlaviyoAccount.objects.filter(pk=world.account.pk).update(held_since=now, held_reason="401 no")
    Call.objects.create(
        klaviyo_account=world.account,
        endpoint="events",
        started_at=now,
        milliseconds=12,
        items=1,
        sent_bytes=1,
        error="timed out",
        request_id="req-9",
    )

    page = read(staff, world.account)

    assert "2026-" in page
    for words in ("401 no", "req-9", "no answer · timed out"):
        assert words in page


def test_the_secret_is_never_shown(staff, world):
    credential = Credential.objects.get(klaviyo_account=world.account)
    pages = [
        read(staff, world.account),
        staff.get(reverse("admin:integrations_credential_changelist")).content.decode(),
        staff.get(
            reverse("admin:integrations_credential_change", args=[credential.pk])
        ).content.decode(),
    ]

    for page in pages:
        assert credential.reveal() not in page
        assert bytes(credential.secret).decode() not in page


def test_the_list_takes_a_fixed_number_of_queries(owner, world, django_assert_max_num_queries):
    for _ in range(6):
        a.a_store(a.an_account(world.account.merchant))
    with django_assert_max_num_queries(5):
        read(owner)
