"""Fetches of past data in every state people meet them in, written straight into the tables."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from integrations.models import DeadLetter, Heartbeat, Store, SyncJob, User
from integrations.pipeline import audit
from tests import factories as a

ENDS = ("sent", "unchanged", "skipped", "failed")


def a_period(job: SyncJob, number: int, state: str, **changes):
    """One of a row of periods of 30 days, the newest first."""
    until = job.until - timedelta(days=30 * number)
    ended = timezone.now() - timedelta(minutes=number)
    defaults = {
        "since": until - timedelta(days=30),
        "until": until,
        "position": job.windows.count(),
        "state": state,
        "way": "" if state == "waiting" else "pages",
        "expected": 240,
    }
    if state in ("done", "failed", "sending", "reading"):
        defaults |= {"started_at": ended, "last_progress_at": ended, "calls": 10}
    if state == "done":
        defaults |= {
            "finished_at": ended,
            "read_at": ended,
            "found": 240,
            "sent": 200,
            "unchanged": 30,
            "skipped": 8,
            "failed": 2,
        }
    return a.a_sync_window(job, **defaults | changes)


def a_fetch(store: Store, user: User, *, state: str = "running", months: int = 33, **changes):
    """A fetch of so many periods."""
    now = timezone.now()
    started = {} if state == "draft" else {"started_at": now}
    return a.a_sync_job(
        store,
        **{
            "state": state,
            "since": now - timedelta(days=30 * months),
            "until": now,
            "window_days": 30,
            "asked_by": user,
            "asked_at": now,
        }
        | started
        | changes,
    )


def fill(job: SyncJob, states: str, **changes) -> None:
    """Give a fetch its periods: d done, r reading, s sending, w waiting, f failed, c cancelled."""
    words = {
        "d": "done",
        "r": "reading",
        "s": "sending",
        "w": "waiting",
        "f": "failed",
        "c": "cancelled",
    }
    for stream in job.streams:
        for number, letter in enumerate(states):
            more = {}
            if letter in "rs":
                more = {"found": 120, "sent": 60}
            if letter == "f":
                more = {
                    "failures": 4,
                    "last_error": "The shop answered with a page instead of data.",
                    "error_code": "not_json",
                    "finished_at": timezone.now(),
                }
            a_period(job, number, words[letter], stream=stream, **more | changes)


def everything(user: User) -> dict[str, str]:
    """The address of each page in each state, by name."""
    now = timezone.now()
    Heartbeat.objects.create(name="sweep", beat_at=now)
    merchant = user.memberships.get().merchant
    account = a.an_account(merchant, name="Alpine Klaviyo", external_id="DEMO01")
    store = a.a_store(account, name="Alpine Germany", time_zone="Europe/Berlin")
    plan = a_fetch(store, user, state="draft", months=3)
    fill(plan, "www")
    loud = a_fetch(
        store, user, state="draft", silent=False, loud_reason="The win-back flow needs them"
    )
    fill(loud, "www", expected=None)
    running = a_fetch(store, user, streams=["customers", "orders"])
    fill(running, "ddfddddrs" + "w" * 24)
    event = a.an_event(store, window_id=running.windows.first().pk, topic="past/orders")
    a.an_event(store, window_id=running.windows.first().pk, topic="past/orders", state="delivered")
    other = a.a_store(account, name="Alpine France")
    paused = a_fetch(
        other, user, state="paused", paused_at=now, pause_reason="Stocktaking until Monday"
    )
    fill(paused, "dds" + "w" * 30)
    audit.record("job.paused", other, by=audit.person(user, merchant), now=now, subject="x")
    third = a.a_store(account, name="Alpine Outlet")
    stopped = a_fetch(third, user, state="cancelled", finished_at=now, months=500)
    fill(stopped, "ddfccc")
    done = a_fetch(third, user, state="done", finished_at=now)
    fill(done, "dddd", failed=0, skipped=10)
    nothing = a_fetch(third, user, state="done", finished_at=now)
    fill(nothing, "d", found=0, sent=0, unchanged=0, skipped=0, failed=0, expected=0)
    slow = a.a_store(account, name="Alpine Slow")
    limited = a_fetch(slow, user)
    fill(limited, "dd")
    a_period(
        limited,
        2,
        "reading",
        wait_reason="The shop's limit is used up for the moment.",
        next_attempt_at=now + timedelta(minutes=6),
    )
    assert event.pk
    assert not DeadLetter.objects.exists()
    a.a_dead_letter(
        store,
        event=a.an_event(
            store, state="dead", window_id=running.windows.first().pk, topic="past/orders"
        ),
    )

    def of(name, job):
        return reverse(name, args=[job.public_id])

    undone = a_fetch(third, user, state="done", finished_at=now)
    fill(undone, "d")
    listed = a.an_undo(undone, asked_by=user)
    for number in range(3):
        a.an_undo_item(listed, state="waiting" if number else "left", message="Kept.")
    failed = running.windows.filter(state="failed").first()
    return {
        "home": "/",
        "store": of("store", store),
        "list": of("past", third),
        "list, empty": of("past", a.a_store(account, name="Alpine New")),
        "new": of("past-new", store),
        "plan": of("past-fetch", plan),
        "plan, loud": of("past-fetch", loud),
        "running": of("past-fetch", running),
        "waiting": of("past-fetch", limited),
        "paused": of("past-fetch", paused),
        "stopped": of("past-fetch", stopped),
        "done": of("past-fetch", done),
        "nothing": of("past-fetch", nothing),
        "pause": of("past-pause", running),
        "stop": of("past-stop", running),
        "lacking": of("past-lacking", stopped),
        "nothing lacking": of("past-lacking", nothing),
        "periods": of("past-periods", running),
        "records": of("past-records", running),
        "failed records": f"{reverse('failed-records')}?state=all&fetch={running.public_id}",
        "undo, nothing": of("past-undo", running),
        "undo, listed": of("past-undo", undone),
        "period": of("past-period", running.windows.filter(state="done").first()),
        "period, failed": of("past-period", failed),
    }
