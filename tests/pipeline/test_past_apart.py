"""Past data is counted and listed apart from what shops tell us now, and is not kept for ever."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from integrations.domain.lanes import Lane
from integrations.domain.windows import WindowState
from integrations.models import Event
from integrations.pipeline import (
    browsing,
    figures,
    inspection,
    login_states,
    maintenance,
    overview,
    sync_jobs,
)
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(db):
    return factories.a_store()


@pytest.fixture
def window(store):
    return factories.a_sync_window(factories.a_sync_job(store))


def past_event(store, window, **changes):
    defaults = {"lane": Lane.BACKFILL, "window": window, "topic": "past/orders"}
    return factories.an_event(store, **defaults | changes)


def test_figures_of_now_do_not_count_the_past(store, window, clock):
    now = clock()
    past_event(store, window, received_at=now)
    factories.an_event(store, received_at=now)

    hour = figures.since("hour", now)
    assert figures.of_store(store, [hour])[0].waiting == 1
    assert figures.of_stores([store.pk], hour)[store.pk].waiting == 1
    assert sum(bar.waiting for bar in figures.series(store, "hour", now)) == 1


def test_what_a_store_says_of_itself_is_not_about_the_past(store, window, clock):
    past_event(store, window, received_at=clock() - timedelta(hours=2))

    row = overview.store_row(store, now=clock())

    assert row.last_received_at is None
    assert row.diagnosis.state == "setting_up"
    assert overview.store_page(store, range_name="day", now=clock()).latest == []


def test_the_list_shows_one_or_the_other_and_an_id_finds_both(store, window, clock):
    old = past_event(store, window)
    other = past_event(store, None, state="delivered")
    new = factories.an_event(store)

    def found(**wanted):
        rows = browsing.events(store, browsing.EventFilter(**wanted), after="").rows
        return {event.pk for event in rows}

    assert found() == {new.pk}
    assert found(past=True) == {old.pk, other.pk}
    assert found(window=window.public_id) == {old.pk}
    assert found(text=old.webhook_id) == {old.pk}
    assert browsing.topics(store) == ["orders/create"]
    assert browsing.topics(store, past=True) == ["past/orders"]


def test_the_content_of_the_past_is_dropped_after_a_while_and_its_story_stays(store, window, clock):
    states = ("delivered", "skipped", "dead", "waiting")
    events = {state: past_event(store, window, state=state) for state in states}
    live = factories.an_event(store, state="delivered")
    window.state, window.finished_at = WindowState.DONE, clock()
    window.save()

    maintenance.prune(now=clock() + timedelta(days=6))
    assert not Event.objects.filter(body=b"").exists()
    maintenance.prune(now=clock() + timedelta(days=8))

    empty = set(Event.objects.filter(body=b"").values_list("pk", flat=True))
    assert empty == {events["delivered"].pk, events["skipped"].pk}
    assert bytes(Event.objects.get(pk=live.pk).body) == b"{}"
    window.refresh_from_db()
    assert window.bodies_dropped_at is not None
    lines = inspection.explain(Event.objects.get(pk=events["delivered"].pk))
    assert lines[0].title == "We read it from the shop's past: Past order"
    assert lines[1].title == "Its content is not kept any more"


def test_sessions_that_are_over_are_swept_away(clock):
    for number, ends in enumerate((-1, 1)):
        Session.objects.create(
            session_key=str(number), session_data="", expire_date=clock() + timedelta(hours=ends)
        )

    maintenance.prune(now=clock())

    assert list(Session.objects.values_list("session_key", flat=True)) == ["1"]


def test_a_login_that_works_again_does_not_let_go_what_a_paused_job_holds(store, window, clock):
    waits = {"last_error": login_states.WAITS, "lane": Lane.BACKFILL}
    held = factories.an_event(store, window=window, next_attempt_at=sync_jobs.HELD, **waits)
    late = factories.an_event(store, next_attempt_at=clock() + timedelta(hours=1), **waits)

    login_states.release(store.credential, now=clock())

    held.refresh_from_db()
    late.refresh_from_db()
    assert held.next_attempt_at == sync_jobs.HELD
    assert late.next_attempt_at <= clock()
