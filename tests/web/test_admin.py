import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.admin.parts import PipelineAdmin
from integrations.models import (
    AlertLimit,
    Budget,
    Call,
    Delivery,
    FigureMark,
    RefusalCount,
    RemoteJob,
    ShopBudget,
    UnfinishedMinute,
    User,
)
from tests import factories as a

OURS = list(apps.get_app_config("integrations").get_models())
OWNED_BY_PEOPLE = {"user", "merchant", "membership", "store", "klaviyoaccount", "alertlimit"}


def test_every_model_is_registered():
    assert [model for model in OURS if model not in admin.site._registry] == []


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_what_the_pipeline_owns_cannot_be_changed_by_hand(staff, world, model):
    name = model._meta.model_name
    owned = name in OWNED_BY_PEOPLE

    assert isinstance(admin.site._registry[model], PipelineAdmin) is not owned
    answer = staff.get(reverse(f"admin:integrations_{name}_add"))
    assert answer.status_code == (200 if owned else 403)


@pytest.fixture
def one_of_each(world, now):
    account, store = world.account, world.store
    a.an_attempt(world.event)
    a.a_tally(store)
    RefusalCount.objects.create(store=store, reason="signature", hour=now)
    Budget.objects.create(
        klaviyo_account=account, endpoint="events", burst=1, steady=1, updated_at=now
    )
    Call.objects.create(
        store=store, endpoint="events", started_at=now, milliseconds=1, items=1, sent_bytes=1
    )
    RemoteJob.objects.create(
        klaviyo_account=account,
        endpoint="events",
        remote_id="1",
        items=[],
        submitted_at=now,
        next_poll_at=now,
    )
    Delivery.objects.create(
        klaviyo_account=account,
        store=store,
        kind="profile",
        identity="profile:1",
        source_id="1",
        profile="jane.doe@example.com",
        fingerprint=b"0",
        version=now,
        accepted_at=now,
    )
    a.an_audit_entry(store.merchant, store=store)
    a.an_authorization(store.merchant, a.a_user())
    a.a_reconnection(store=store)
    a.a_gap(store)
    a.a_subscription(store)
    a.a_path_test(store)
    a.an_invitation(store.merchant)
    a.a_notice(store.merchant)
    a.a_bulk_line(a.a_sync_window(a.a_sync_job(store)))
    letter = a.a_dead_letter(store)
    a.a_dead_letter_try(letter)
    a.a_repair(letter)
    a.a_replay_item(a.a_replay(store.merchant), letter)
    a.a_binning(store.merchant).items.create(dead_letter=letter)
    a.a_group_repair(store.merchant).items.create(dead_letter=letter)
    a.a_failed_import(store)
    a.an_erasure(world.event)
    a.an_undo_item(a.an_undo(a.a_sync_job(store)))
    a.a_before(a.a_sync_job(store))
    a.a_breaker(klaviyo_account=account)
    a.a_call_figure(klaviyo_account=account)
    a.a_lag_figure(store)
    a.a_depth_figure(store)
    a.a_schedule_run()
    FigureMark.objects.create(name="figures", counted_until=now)
    UnfinishedMinute.objects.create(store=store, minute=now, tallied=0)
    a.an_alert(store).tellings.create(
        channel=a.an_alert_channel(store.merchant), told="begun", severity="critical",
        made_at=now, next_attempt_at=now,
    )  # fmt: skip
    AlertLimit.objects.create(rule="failing", warning=10)
    ShopBudget.objects.create(
        store=store, maximum=2000, available=2000, restore_rate=100, updated_at=now
    )


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_every_row_can_be_opened(staff, one_of_each, model):
    row = model.objects.first()

    url = reverse(f"admin:integrations_{model._meta.model_name}_change", args=[row.pk])

    answer = staff.get(url)
    assert answer.status_code == 200
    assert "jane.doe" not in answer.content.decode()
    assert staff.post(url.replace("change", "delete")).status_code in {200, 403}


def test_lists_neither_read_bodies_nor_count_large_tables(staff, world):
    with CaptureQueriesContext(connection) as asked:
        staff.get(reverse("admin:integrations_event_changelist"))

    about_events = [one["sql"] for one in asked if '"integrations_event"' in one["sql"]]
    assert about_events
    for sql in about_events:
        assert '"body"' not in sql
        assert "COUNT" not in sql or "LIMIT" in sql


@pytest.mark.parametrize("field", ["public_id", "webhook_id"])
def test_an_event_is_found_by_a_whole_id(staff, world, field):
    wanted = a.an_event(world.store)
    url = reverse("admin:integrations_event_changelist")

    found = staff.get(url, {"q": getattr(wanted, field)}).context["cl"].result_list

    assert [one.pk for one in found] == [wanted.pk]


def test_bodies_and_profiles_are_masked(staff, world):
    event = a.an_event(world.store, body=b'{"email": "jane.doe@example.com"}')

    page = staff.get(reverse("admin:integrations_event_change", args=[event.pk])).content.decode()

    assert "j•••@example.com" in page
    assert "jane.doe" not in page


def test_the_groups_are_made_once_and_can_be_made_again(db, client):
    call_command("ensure_groups", verbosity=0)
    call_command("ensure_groups", verbosity=0)

    assert set(Group.objects.values_list("name", flat=True)) == {"Support", "Administrators"}
    support = a.a_user(is_staff=True)
    support.groups.add(Group.objects.get(name="Support"))
    chief = a.a_user(is_staff=True)
    chief.groups.add(Group.objects.get(name="Administrators"))
    support, chief = (User.objects.get(pk=one.pk) for one in (support, chief))
    assert support.has_perm("integrations.view_event")
    assert not support.has_perm("integrations.change_store")
    assert chief.has_perm("integrations.change_store")
    assert not chief.has_perm("integrations.change_event")
    client.force_login(support)
    assert client.get(reverse("admin:integrations_event_changelist")).status_code == 200
    assert client.get(reverse("admin:integrations_store_add")).status_code == 403


def test_date_fields_have_a_name_each(staff, world):
    page = staff.get(reverse("admin:integrations_store_add")).content.decode()

    assert 'aria-label="paused, date"' in page
    assert 'aria-label="paused, time"' in page


def test_somebody_signed_in_as_staff_does_not_see_the_login_page_again(staff, world):
    assert staff.get(reverse("admin:login"))["Location"] == reverse("admin:index")
