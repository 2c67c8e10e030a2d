"""Past data on pages: plans, boards, periods, and what each refusal says."""

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import msgspec
import pytest
from django.urls import reverse

from integrations.domain import forecast
from integrations.domain.windows import JobState, WindowState
from integrations.models import AuditEntry, Credential, Delivery, Event, SyncJob, SyncWindow, Undo
from integrations.pipeline import backfill, undoing
from tests import factories as a

ENDED = {
    "delivered": 3,
    "unchanged": 2,
    "test_order": 4,
    "dead": 1,
    "waiting": 2,
}


def read(client, name, row, query="", **headers):
    url = reverse(name, args=[row.public_id]) + query
    return " ".join(client.get(url, headers=headers).content.decode().split())


def act(client, name, row, follow=True, **fields):
    url = reverse(name, args=[row.public_id])
    answer = client.post(url, fields, follow=follow)
    return " ".join(answer.content.decode().split())


@pytest.fixture
def wish():
    return {"preset": "90", "streams": ["orders"], "length": "30", "key": str(uuid4())}


@pytest.fixture
def job(world, now):
    """A fetch that runs, with a period in every state."""
    job = a.a_sync_job(
        world.store,
        state="running",
        since=now - timedelta(days=150),
        until=now,
        asked_by=world.owner,
        asked_at=now,
        started_at=now,
    )
    states = ("sending", "done", "failed", "reading", "waiting")
    for number, state in enumerate(states):
        until = now - timedelta(days=30 * number)
        a.a_sync_window(
            job, state=state, since=until - timedelta(days=30), until=until, position=number
        )
    return job


@pytest.fixture
def records(world, job, now):
    """Records in two of its periods, ended in every way, and counted."""
    for window in job.windows.filter(state__in=["sending", "reading"]):
        for outcome, count in ENDED.items():
            for _ in range(count):
                skipped = outcome in ("unchanged", "test_order")
                event = a.an_event(
                    world.store,
                    topic="past/orders",
                    window_id=window.pk,
                    received_at=now,
                    state="skipped" if skipped else outcome,
                    **({"skip": outcome} if skipped else {}),
                )
                if outcome == "dead":
                    a.a_dead_letter(world.store, event=event)
        SyncWindow.objects.filter(pk=window.pk).update(
            found=12, sent=3, unchanged=2, skipped=4, failed=1
        )
    return job


# --- a plan --------------------------------------------------------------------------------------


def test_a_plan_is_written_down_and_starts_nothing(owner, world, wish):
    answer = owner.post(reverse("past-new", args=[world.store.public_id]), wish)

    job = SyncJob.objects.get()
    assert answer["Location"] == reverse("past-fetch", args=[job.public_id])
    assert (job.state, job.silent, job.asked_by) == (JobState.DRAFT, True, world.owner)
    page = read(owner, "past-fetch", job)
    assert "Nothing has started yet" in page
    assert "Nobody gets an e-mail because of past orders" in page
    assert f"Start fetching {job.windows.count()} periods" in page


def test_the_same_form_sent_twice_is_one_plan(owner, world, wish):
    url = reverse("past-new", args=[world.store.public_id])
    first, second = owner.post(url, wish), owner.post(url, wish)

    assert first["Location"] == second["Location"]
    assert SyncJob.objects.count() == 1


def test_days_are_meant_in_the_time_zone_of_the_shop(owner, world, wish):
    wish |= {"preset": "dates", "since": "2026-03-01", "until": "2026-03-31"}
    owner.post(reverse("past-new", args=[world.store.public_id]), wish)

    job = SyncJob.objects.get()
    # Berlin: winter time on the first day, summer time after the last.
    assert job.since.isoformat() == "2026-02-28T23:00:00+00:00"
    assert job.until.isoformat() == "2026-03-31T22:00:00+00:00"
    assert "1 Mar – 31 Mar 2026" in read(owner, "past-fetch", job).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"preset": "dates"}, "since", "Enter the first day."),
        ({"preset": "dates", "since": "2026-05-01"}, "until", "Enter the last day."),
        (
            {"preset": "dates", "since": "2026-05-09", "until": "2026-05-01"},
            "until",
            "Swap the two dates",
        ),
        (
            {"preset": "dates", "since": "2099-01-01", "until": "2099-02-01"},
            "since",
            "lies in the future",
        ),
        (
            {"preset": "dates", "since": "1999-01-01", "until": "2020-02-01"},
            "since",
            "older than 2006",
        ),
        ({"preset": "dates", "since": "soon", "until": "2020-02-01"}, "since", "valid date"),
        ({"streams": []}, "streams", "Choose what to fetch"),
        ({"preset": ""}, "preset", "Choose how far back"),
        ({"preset": "12"}, "preset", "valid choice"),
        ({"length": "7"}, "length", "valid choice"),
        ({"loud": "on"}, "reason", "Say why flows may start"),
        ({"loud": "on", "reason": "   "}, "reason", "Say why flows may start"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_the_rest_is_kept(
    owner, world, wish, changes, field, words
):
    answer = owner.post(reverse("past-new", args=[world.store.public_id]), wish | changes)

    page = " ".join(answer.content.decode().split())
    assert answer.status_code == 400
    fault = re.search(rf'id="id_{field}_error" role="alert">(.*?)</div>', page)
    assert fault, page
    assert words in fault[1]
    assert 'value="30" selected' in page or "length" in changes
    if "since" in changes:
        assert f'value="{changes["since"]}"' in page
    assert not SyncJob.objects.exists()


def test_letting_flows_start_is_for_owners_and_for_a_reason(client, world, wish):
    url = reverse("past-new", args=[world.store.public_id])
    loud = wish | {"loud": "on", "reason": "Win-back"}
    client.force_login(world.member)
    assert "Only owners can let flows start" in client.get(url).content.decode()
    assert client.post(url, loud).status_code == 403
    assert not SyncJob.objects.exists()

    client.force_login(world.owner)
    client.post(url, loud)
    job = SyncJob.objects.get()
    assert (job.silent, job.loud_reason) == (False, "Win-back")
    assert "Flows may start" in read(client, "past-fetch", job)

    client.force_login(world.member)
    assert "Only an owner can start this" in read(client, "past-fetch", job)
    assert client.post(reverse("past-start", args=[job.public_id])).status_code == 403
    job.refresh_from_db()
    assert job.state == JobState.DRAFT


def grant(store, *scopes):
    Credential.objects.filter(store=store).update(scopes=scopes)


def test_what_the_login_may_not_read_is_refused_with_what_to_do(owner, world, wish):
    grant(world.store, "read_customers", "read_products")

    page = act(owner, "past-new", world.store, **wish)

    assert "The login of the shop may not read its orders: read_orders is missing." in page
    assert not SyncJob.objects.exists()


def test_a_plan_that_can_no_longer_be_read_has_no_button_to_start_it(owner, world, wish):
    act(owner, "past-new", world.store, **wish)
    plan = SyncJob.objects.get()
    assert "Start fetching" in read(owner, "past-fetch", plan)
    grant(world.store, "read_customers")

    page = read(owner, "past-fetch", plan)

    assert "read_orders is missing. Reconnect the shop and allow it" in page
    assert reverse("store-reconnect", args=[world.store.public_id]) in page
    assert "Start fetching" not in page
    assert "read_orders is missing" in act(owner, "past-start", plan)
    plan.refresh_from_db()
    assert plan.state == JobState.DRAFT


def test_a_plan_that_is_changed_takes_the_place_of_the_old_one(owner, world, wish):
    url = reverse("past-new", args=[world.store.public_id])
    owner.post(url, wish)
    old = SyncJob.objects.get()

    form = owner.get(f"{url}?instead={old.public_id}").content.decode()
    assert f'value="{old.public_id}"' in form
    owner.post(url, wish | {"key": str(uuid4()), "instead": str(old.public_id), "length": "90"})

    assert SyncJob.objects.get().window_days == 90


def test_a_fetch_that_runs_is_never_dropped_by_a_changed_plan(owner, world, job, wish):
    owner.post(
        reverse("past-new", args=[world.store.public_id]), wish | {"instead": str(job.public_id)}
    )

    assert SyncJob.objects.filter(pk=job.pk).exists()


def a_forecast(job, now):
    """What was found out beforehand of a plan of one stream."""
    audit = forecast.StreamAudit(
        stream="orders",
        looked=40,
        total=40,
        whole=True,
        reasons=[
            forecast.Reason(code="new", ends=forecast.Ends.SENT, seen=37, expected=37),
            forecast.Reason(
                code="rule_phone",
                ends=forecast.Ends.FAILED,
                seen=3,
                expected=3,
                examples=[forecast.Example("9", "#1009", "+4?")],
            ),
        ],
        remarks=[forecast.Remark(code="guest_order", seen=5, expected=5)],
    )
    twin = forecast.Twin(id="X", name="Placed Order", kind="placed_order", integration="Shopify")
    return forecast.Forecast(
        stage=forecast.Stage.READY,
        began_at=now,
        updated_at=now,
        windows=[
            forecast.WindowPlan(
                stream="orders", since=one.since, until=one.until, position=one.position, count=10
            )
            for one in job.windows.all()
        ],
        audits=[audit],
        reach=[forecast.Reach(metric="Placed Order", kind="placed_order", people=31)],
        klaviyo=forecast.KlaviyoView(looked_at_metrics=True, looked_at_flows=True, twins=[twin]),
    )


def test_what_was_found_out_beforehand_is_shown(owner, world, wish, now):
    owner.post(reverse("past-new", args=[world.store.public_id]), wish)
    job = SyncJob.objects.get()
    assert "hx-get" in read(owner, "past-fetch", job)
    SyncJob.objects.update(forecast=msgspec.to_builtins(a_forecast(job, now)))

    page = read(owner, "past-fetch", job)

    assert "Start fetching 4 periods with 40 records" in page
    assert "3 orders would fail" in page
    assert "For example #1009 +4?" in page
    assert page.index("would fail") < page.index("would be sent")
    assert "Placed Order: 31 people" in page
    assert "Shopify writes the same things to this Klaviyo account" in page
    assert "Nobody gets an e-mail or a text because of these orders" in page
    assert "hx-get" not in page


# --- starting, pausing, stopping -----------------------------------------------------------------


def test_a_second_click_and_a_second_person_find_it_started(client, world, wish):
    client.force_login(world.owner)
    client.post(reverse("past-new", args=[world.store.public_id]), wish)
    job = SyncJob.objects.get()

    first = act(client, "past-start", job)
    second = act(client, "past-start", job)
    client.force_login(world.member)
    third = act(client, "past-start", job)

    assert "Started. You can close this page" in first
    for page in (first, second, third):
        assert "0 of 4 periods done" in page
    assert AuditEntry.objects.filter(action="job.started").count() == 1


def test_an_overlap_is_shown_with_the_way_to_the_other(owner, world, job, wish):
    owner.post(reverse("past-new", args=[world.store.public_id]), wish)
    plan = SyncJob.objects.get(state="draft")

    for page in (read(owner, "past-fetch", plan), act(owner, "past-start", plan)):
        assert "are being fetched already" in page
        assert reverse("past-fetch", args=[job.public_id]) in page
        assert "Start fetching" not in page
    plan.refresh_from_db()
    assert plan.state == JobState.DRAFT


def test_a_pause_says_who_and_why_and_going_on_goes_on(owner, world, job):
    page = act(owner, "past-pause", job, reason="Stocktaking")

    assert "Paused by owner@alpine-demo.shop" in page
    assert "Stocktaking" in page
    assert "Go on" in page
    assert act(owner, "past-pause", job).count("This is paused.") == 1
    assert "Pause…" in act(owner, "past-go-on", job)
    assert "This is under way already." in act(owner, "past-go-on", job)


def test_a_stop_says_what_stays_and_what_is_taken_back(owner, world, records):
    page = read(owner, "past-stop", records)
    assert "1 period that is done" in page
    assert "6 records that Klaviyo has already" in page
    assert "Stop and take back about 4 records" in page

    page = act(owner, "past-stop", records)

    assert "Stopped. 4 records had been read and will not be sent." in page
    assert "This is stopped." in act(owner, "past-stop", records)
    assert not Event.objects.filter(window__job=records, state="waiting").exists()


def test_a_period_is_fetched_again_once_however_often_it_is_asked(owner, job):
    failed = job.windows.get(state="failed")

    page = act(owner, "past-again", failed)
    assert "This period is fetched again" in page
    assert "being fetched already" in act(owner, "past-again", failed)

    failed.refresh_from_db()
    assert (failed.state, failed.run) == (WindowState.WAITING, 2)


# --- the board -----------------------------------------------------------------------------------

FIGURES = {
    "Found": 24,
    "Sent": 6,
    "Already there": 4,
    "Not sent, by a rule": 8,
    "Failed": 2,
    "On their way": 4,
}


def test_the_figures_add_up_and_each_opens_what_it_counts(owner, records):
    page = read(owner, "past-fetch", records)
    found = {
        words: (unescape(link), int(number))
        for words, link, number in re.findall(
            r'<dt>([^<]+)</dt> <dd> <a href="([^"]+)">([\d,]+)</a>', page
        )
    }

    assert {words: number for words, (_, number) in found.items()} == FIGURES
    assert FIGURES["Found"] == sum(FIGURES.values()) - FIGURES["Found"]
    for words, (link, number) in found.items():
        listed = owner.get(link).content.decode()
        assert re.search(rf"<h1>\s*{number} records?", listed), words
        assert listed.count('id="event-') == number, words


def test_the_figures_of_a_period_open_what_they_count(owner, records):
    window = records.windows.get(state="reading")
    page = read(owner, "past-period", window)
    links = re.findall(r'<dd> <a href="([^"]+)">([\d,]+)</a>', page)

    assert [int(number) for _, number in links] == [12, 3, 2, 4, 1, 2]
    for link, number in links:
        listed = owner.get(unescape(link)).content.decode()
        assert re.search(rf"<h1>\s*{number} records?", listed), link


def test_a_record_of_which_several_parts_failed_is_one_and_leads_on_to_its_parts(
    owner, world, records
):
    event = Event.objects.filter(window__job=records, state="dead").first()
    a.a_dead_letter(world.store, event=event, identity="profile:x", kind="profile")
    window = event.window
    of_fetch = reverse("past-records", args=[records.public_id]) + "?state=failed"
    of_period = f"{of_fetch.split('?')[0]}?period={window.public_id}&state=failed"

    for page, link, count, parts in (
        (read(owner, "past-fetch", records), of_fetch, 2, 3),
        (read(owner, "past-period", window), of_period, 1, 2),
    ):
        assert f'<a href="{link.replace("&", "&amp;")}">{count}</a>' in page
        listed = owner.get(link).content.decode()
        assert listed.count('id="event-') == count
        onward = unescape(re.search(r'href="([^"]+)">See every part that failed', listed)[1])
        assert re.search(rf"<h1>\s*{parts} failed records", owner.get(onward).content.decode())


def test_records_are_paged_by_where_one_is(owner, world, job, now, monkeypatch):
    monkeypatch.setattr("integrations.pipeline.fetch_records.PAGE", 4)
    window = job.windows.first()
    for _ in range(9):
        a.an_event(world.store, window_id=window.pk, topic="past/orders")
    url, seen = reverse("past-records", args=[job.public_id]), []
    while url:
        page = owner.get(url).content.decode()
        seen += re.findall(r'id="event-([^"]+)"', page)
        older = re.search(r'href="(\?after=\d+)">Older', page)
        url = older and reverse("past-records", args=[job.public_id]) + older[1]

    assert len(seen) == len(set(seen)) == 9


def test_the_board_names_its_state_first_and_lists_failures_first(owner, job):
    page = read(owner, "past-fetch", job)

    assert "<title> Fetching, 40 % · Past orders" in page
    assert "1 of 5 periods done, 1 needs you" in page
    assert page.index('id="failed"') < page.index('id="running"') < page.index('id="waiting"')
    assert page.count('<g transform="translate(') == 5
    assert "style=" not in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (backfill.LIMITED, "asks us to slow down"),
        (backfill.AHEAD, "sent first, then reading goes on"),
        (backfill.LOGIN, "login of the shop does not work"),
        ("Shopify answered 502", "Shopify answered 502."),
    ],
)
def test_it_says_why_it_waits(owner, job, now, reason, words):
    job.windows.filter(state="reading").update(
        wait_reason=reason, next_attempt_at=now + timedelta(minutes=5)
    )

    page = read(owner, "past-fetch", job)

    assert words in page
    assert "Waiting" in page


def test_a_paused_shop_and_a_held_account_come_before_all(owner, world, job, now):
    world.store.klaviyo_account.held_since = now
    world.store.klaviyo_account.save()
    assert "Klaviyo does not let us in" in read(owner, "past-fetch", job)
    world.store.paused_at = now
    world.store.save()
    assert "The shop is paused" in read(owner, "past-fetch", job)


def test_what_waits_for_a_platform_with_trouble_says_so_and_leads_to_its_panel(
    owner, world, job, now
):
    panel = reverse("store", args=[world.store.public_id])
    period = job.windows.filter(state="reading").first()
    world.store.tripped_at = now
    world.store.save()

    for page in (read(owner, "past-fetch", job), read(owner, "past-period", period)):
        assert "Shopify has trouble, so nothing is read for now" in page
        assert f'href="{panel}#trouble-shop"' in page

    # What is read already is sent all the same.
    period.state = "sending"
    period.save()
    assert "Shopify has trouble" not in read(owner, "past-period", period)

    world.store.klaviyo_account.tripped_at = now
    world.store.klaviyo_account.save()
    for page in (read(owner, "past-fetch", job), read(owner, "past-period", period)):
        assert "Klaviyo has trouble. What was read is kept" in page
        assert f'href="{panel}#trouble-account"' in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "done"}, "nothing in these days"),
        ({"state": "done", "found": 5, "sent": 5}, "everything found its place"),
        ({"state": "done", "found": 5, "sent": 4, "failed": 1}, "waits for a decision"),
        ({"state": "failed"}, "1 period could not be read"),
    ],
)
def test_how_it_ended_is_said_in_one_sentence(owner, world, now, changes, words):
    job = a.a_sync_job(world.store, state="done", started_at=now, finished_at=now)
    a.a_sync_window(job, **changes)

    assert words in read(owner, "past-fetch", job)


def test_what_is_lacking_is_listed_before_it_is_planned_once(owner, world, job):
    job.windows.filter(state="done").update(expected=7, found=4, sent=4)
    assert "This is still under way." in act(owner, "past-lacking", job, key=str(uuid4()))
    SyncJob.objects.filter(pk=job.pk).update(state="cancelled")
    job.windows.exclude(state__in=["done", "failed"]).update(state="done", found=0)

    page = read(owner, "past-lacking", job)
    assert "2 periods are not complete" in page
    assert "3 records the shop counts and we did not find" in page
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    for _ in range(2):
        act(owner, "past-lacking", job, key=key)

    again = SyncJob.objects.exclude(pk=job.pk).get()
    assert (again.state, again.only_missing, again.silent) == (JobState.DRAFT, True, True)
    assert list(again.windows.order_by("position").values_list("since", "until")) == list(
        job.windows.filter(position__in=[1, 2]).order_by("position").values_list("since", "until")
    )


def test_nothing_lacking_is_said_and_planned_by_nobody(owner, world):
    job = a.a_sync_job(world.store, state="done")
    a.a_sync_window(job, state="done")

    assert "Nothing is missing, and nothing failed" in read(owner, "past-lacking", job)
    assert "Nothing is missing" in act(owner, "past-lacking", job, key=str(uuid4()))


# --- taking back ---------------------------------------------------------------------------------


@pytest.fixture
def over(world, now):
    """A fetch that is over and added two products, each of which can be removed again."""
    job = a.a_sync_job(
        world.store, state="done", started_at=now, finished_at=now, streams=["products"]
    )
    window = a.a_sync_window(job, state="done", stream="products", found=2, sent=2)
    for number in range(2):
        Delivery.objects.create(
            klaviyo_account=world.account,
            store=world.store,
            identity=f"catalog_item:{world.store.pk}:{number}",
            kind="catalog_item",
            source_id=str(number),
            fingerprint=b"0" * 16,
            version=now,
            accepted_at=now,
            window_id=window.pk,
            made=True,
        )
    return job


def test_taking_back_shows_its_list_before_it_begins_and_begins_once(owner, over):
    assert "2 products and 0 variants this fetch added" in read(owner, "past-undo", over)

    page = act(owner, "past-undo-draft", over)
    assert "2 things would be taken back" in page
    listed = Undo.objects.get()
    assert listed.state == "draft"
    for _ in range(2):
        page = act(owner, "past-undo-confirm", listed)

    assert "0 of 2 things taken back" in page
    assert "This was begun already" in page or "being taken back already" in page
    assert AuditEntry.objects.filter(action="undo.confirmed").count() == 1
    assert "Stopped" in act(owner, "past-undo-stop", listed)


@pytest.mark.parametrize(
    ("what", "sentence", "link"),
    [
        ("trouble", "Klaviyo has trouble at the moment.", "account"),
        ("login", "Klaviyo does not let us in.", "account-reconnect"),
        ("paused", "The shop is paused. Nothing is taken back", "store"),
        ("limit", "Klaviyo&#x27;s limit is used up for the moment.", ""),
    ],
)
def test_taking_back_says_what_it_waits_for(owner, world, over, now, what, sentence, link):
    under_way = a.an_undo(over, state="running", confirmed_at=now)
    a.an_undo_item(under_way)
    assert sentence not in read(owner, "past-undo", over)
    if what == "trouble":
        a.a_breaker(klaviyo_account=world.account)
    elif what == "login":
        type(world.account).objects.update(held_since=now, held_reason="revoked")
    elif what == "paused":
        type(world.store).objects.update(paused_at=now)
    else:
        Undo.objects.update(wait_reason=undoing.LIMITED, next_attempt_at=now + timedelta(minutes=4))

    page = read(owner, "past-undo", over)

    assert sentence in page
    target = world.store if link == "store" else world.account
    if link:
        assert reverse(link, args=[target.public_id]) in page
    else:
        assert "It goes on" in page


def test_what_runs_cannot_be_taken_back_yet(owner, job):
    assert "Stop it first" in read(owner, "past-undo", job)
    assert "Stop it first" in act(owner, "past-undo-draft", job)
    assert not Undo.objects.exists()


def test_what_is_recorded_for_good_is_given_out_to_owners(client, world, over):
    Delivery.objects.update(kind="placed_order", made=False)
    client.force_login(world.owner)
    assert "2 entries “Placed order”" in read(client, "past-undo", over)
    answer = client.post(reverse("past-undo-export", args=[over.public_id]))

    assert b"".join(answer.streaming_content).count(b"\n") == 3
    client.force_login(world.member)
    assert "Download" not in read(client, "past-undo", over)


# --- seen from elsewhere -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["store", "events", "past-new", "store-connection"])
def test_every_page_of_the_shop_says_that_something_is_fetched(owner, world, job, name):
    page = read(owner, name, world.store)

    assert "Past orders: 1 of 5 periods done, 1 needs you" in page
    assert reverse("past-pause", args=[job.public_id]) in page
    assert reverse("past-stop", args=[job.public_id]) in page


def test_what_pages_say_of_a_fetch_is_looked_at_again_until_it_is_over(owner, world, job):
    page = read(owner, "store", world.store)
    link = unescape(re.search(r'id="past-banners" class="past-banners" hx-get="([^"]+)"', page)[1])
    assert "1 of 5 periods" in page

    job.windows.filter(state="waiting").update(state="done")
    now = owner.get(link, headers={"HX-Request": "true"}).content.decode()
    assert "2 of 5 periods" in now
    assert "<h1" not in now

    SyncJob.objects.update(state="done")
    over = owner.get(link, headers={"HX-Request": "true"}).content.decode()
    assert 'id="past-banners"' in over
    assert "hx-get" not in over
    assert "periods" not in over
    assert "past-banners" not in read(owner, "store", world.store)


def test_the_pages_of_a_fetch_do_not_say_it_twice_when_they_look_again(owner, world, job, now):
    other = a.a_sync_job(world.store, state="running", started_at=now, streams=["customers"])
    a.a_sync_window(other)
    page = read(owner, "past-periods", job)
    link = unescape(re.search(r'class="past-banners" hx-get="([^"]+)"', page)[1])

    again = owner.get(link).content.decode()

    assert str(other.public_id) in again
    assert str(job.public_id) not in again.replace(link, "").replace(f"but={job.public_id}", "")


def test_home_tells_of_it_to_its_own_people_only(client, world, job):
    client.force_login(world.owner)
    assert "Past orders being fetched" in client.get("/").content.decode()
    client.force_login(world.foreigner)
    assert "Past orders being fetched" not in client.get("/").content.decode()


@pytest.mark.parametrize("name", ["past-fetch", "past-period", "past-records", "past-stop"])
def test_strangers_find_nothing_and_change_nothing(client, world, job, name):
    client.force_login(world.foreigner)
    row = job.windows.first() if name == "past-period" else job

    assert client.get(reverse(name, args=[row.public_id])).status_code == 404
    assert client.post(reverse("past-stop", args=[job.public_id])).status_code == 404
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_period_of_another_fetch_is_not_found_through_this_one(owner, world, job):
    other = a.a_sync_window(a.a_sync_job(a.a_store(), state="running"))
    url = reverse("past-records", args=[job.public_id])

    assert owner.get(url, {"period": other.public_id}).status_code == 404
    assert owner.get(url, {"period": "x"}).status_code == 404


def test_staff_leave_a_trace(staff, world, job):
    read(staff, "past-fetch", job)

    assert AuditEntry.objects.filter(action="support.viewed").count() == 1


def test_a_board_of_five_hundred_periods_is_as_light_as_one_of_five(
    owner, world, now, django_assert_max_num_queries
):
    job = a.a_sync_job(
        world.store, state="running", started_at=now, streams=["orders", "customers"]
    )
    day = timedelta(days=1)
    SyncWindow.objects.bulk_create(
        SyncWindow(
            job=job,
            stream=stream,
            since=now - day * (number + 1),
            until=now - day * number,
            position=number,
            state="done" if number < 200 else "waiting",
            next_attempt_at=now,
        )
        for number in range(500)
        for stream in job.streams
    )
    with django_assert_max_num_queries(14):
        page = owner.get(reverse("past-fetch", args=[job.public_id])).content

    assert len(page) < 60_000
    assert page.count(b'<g transform="translate(') <= 120
    assert b"a square is 9 periods" in page
