"""The pages of figures in a real browser: accessible, within the policy, no wider than a phone."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from integrations import queue
from integrations.domain.resolutions import Resolution
from integrations.models import FigureMark, Heartbeat
from tests import factories as a

from .looking import LOOKS, check_all, complaints_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shown(transactional_db):
    """A shop that sold for an hour, with trouble, and schedules of which one was missed."""
    now = timezone.now()
    store = a.a_store(name="Switzerland and a rather long name", time_zone="Europe/Berlin")
    FigureMark.objects.create(name="figures", counted_until=Resolution.MINUTE.floor(now))
    Heartbeat.objects.create(name="drain:machine-of-a-long-name:12345", beat_at=now, detail="3/s")
    for resolution in Resolution:
        for back in (1, 2, 9, 20):
            start = resolution.floor(now - back * resolution.step * 5)
            figure = {"resolution": resolution, "start": start}
            a.a_lag_figure(store, arrived=40, failed=back, seconds=back * 3, **figure)
            a.a_lag_figure(store, data_type="customers", arrived=4, **figure)
            a.a_depth_figure(None, waiting=9, **figure)
            a.a_depth_figure(store, waiting=back, oldest_seconds=90, failed_open=3, **figure)
            a.a_call_figure(
                klaviyo_account=store.klaviyo_account, calls=40, throttled=9, allowed=150, **figure
            )
            a.a_call_figure(store=store, endpoint="graphql", calls=40, errors=1, **figure)
    for ago in (50, 2):
        began = now - timedelta(minutes=ago)
        a.a_schedule_run(name=queue.SWEEP, began_at=began, ended_at=began, error="ValueError")
    call_command("ensure_groups", verbosity=0)
    of_shop = reverse("store-figures", args=[store.public_id])
    of_all = reverse("figures")
    return {
        f"{name} {query}": f"{url}?range={query}"
        for name, url, queries in (
            ("shop", of_shop, ("3h", "2d", "60d")),
            ("all", of_all, ("2h", "7d")),
        )
        for query in queries
    } | {"calls": reverse("store-calls", args=[store.public_id])}


@pytest.fixture
def staff(transactional_db):
    return a.a_user("support@console.test", is_staff=True, is_superuser=True)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_pages_of_figures_are_accessible_and_fit(shown, staff, open_as, size, scheme):
    # Only here the policy is set aside, so that the checker itself may run.
    page = open_as(staff, size=size, color_scheme=scheme, bypass_csp=True)

    assert check_all(page, shown) == []


def test_the_pages_of_figures_keep_to_the_policy(shown, staff, open_as):
    assert complaints_of(open_as(staff), shown.values()) == []
