"""Failed records, and sending them again in every state people meet it in."""

import json
from datetime import timedelta
from itertools import count, cycle

from django.urls import reverse
from django.utils import timezone

from integrations.models import Heartbeat, Merchant, Replay, Store, User
from tests import factories as a
from tests.pipeline.conftest import an_order

PROSPECTS = ("recorded", "recorded", "ignored", "twice", "refused", "gone", "")
ENDS = ("sent", "sent", "known", "skipped", "failed", "left_out")
_orders = count(7_000_001)


def a_failed_order(store: Store, **changes):
    """An order that was given up because Klaviyo did not answer."""
    at = timezone.now() - timedelta(hours=1)
    event = a.an_event(
        store,
        state="dead",
        body=json.dumps(an_order(next(_orders))).encode(),
        received_at=at,
    )
    cause = a.a_cause(store.merchant, code="gave_up", field="", rule="")
    defaults = {"identity": "", "status": None, "cause": cause, "message": "No answer in time."}
    return a.a_dead_letter(store, event=event, created_at=at, failed_at=at, **defaults | changes)


def a_plan(store: Store, user: User, number: int = 7, *, looked: bool = True, **changes) -> Replay:
    """One that waits to be begun, with a record for each thing that could happen."""
    now = timezone.now()
    defaults = {
        "words": "Failed records that need a decision, of Alpine Germany",
        "total": number,
        "asked_by": user,
        "asked_at": now,
        "forecast": {
            "flows": ["Thank you for your order"],
            "looked_at_flows": True,
            "ready": True,
            "recorded": 2,
            "young": 1,
            "kinds": ["placed_order"],
        },
        "forecast_at": now if looked else None,
    }
    replay = a.a_replay(store.merchant, **defaults | changes)
    prospects = cycle(changes.get("prospects") or PROSPECTS)
    for position in range(1, number + 1):
        prospect = next(prospects) if looked else ""
        a.a_replay_item(replay, a_failed_order(store), position=position, prospect=prospect)
    return replay


def a_run(store: Store, user: User, states, *, state: str = "running", **changes) -> Replay:
    """One that was begun, whose records are in these states."""
    now = timezone.now()
    over = {"finished_at": now} if state in ("done", "cancelled") else {}
    replay = a.a_replay(
        store.merchant,
        **{
            "words": "Failed records that need a decision, because Klaviyo did not answer",
            "state": state,
            "total": len(states),
            "asked_by": user,
            "asked_at": now,
            "started_at": now - timedelta(minutes=3),
            "stage": "rest",
        }
        | over
        | changes,
    )
    for position, one in enumerate(states, 1):
        letter = a_failed_order(
            store, state="open" if one in ("failed", "left_out") else "resolved"
        )
        a.a_replay_item(replay, letter, position=position, state=one, settled_at=now)
    replay.causes = [a.a_cause(store.merchant, code="gave_up", field="", rule="").pk]
    replay.save()
    return replay


def everything(owner: User) -> dict[str, str]:
    """The pages of sending again, by what they show."""
    merchant = Merchant.objects.get()
    store = a.a_store(a.an_account(merchant), name="Alpine Germany", time_zone="Europe/Berlin")
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    support = a.a_user("support@console.test", is_staff=True)
    mixed, looking = a_plan(store, owner), a_plan(store, owner, looked=False)
    running = a_run(store, owner, [*ENDS, "on_way", "waiting"] * 3, stage="ten")
    runs = {
        "plan": mixed,
        "looking": looking,
        "loud": a_plan(store, owner, 2, silent=False, loud_reason="They never got it"),
        "awaiting": a_plan(store, support, 3, state="awaiting"),
        "empty plan": a.a_replay(merchant, words="One failed record", asked_by=owner),
        "running": running,
        "waiting": a_run(
            store,
            owner,
            ["sent", "waiting"],
            wait_reason="Klaviyo has trouble.",
            next_turn_at=timezone.now() + timedelta(minutes=4),
        ),
        "paused": a_run(store, owner, ["sent", "on_way", "waiting"], state="paused"),
        "stopped": a_run(
            store, owner, ["failed", "waiting"], state="stopped", reason="1 of 1 failed again."
        ),
        "cancelled": a_run(store, owner, ["sent", "left_out"], state="cancelled"),
        "done": a_run(store, owner, ["sent"] * 12, state="done"),
        "one": a_run(store, owner, ["sent"], state="done"),
        "partly": a_run(store, owner, ["sent", "failed"], state="done"),
    }
    pages = {name: reverse("replay", args=[one.public_id]) for name, one in runs.items()}
    records = reverse("replay-records", args=[running.public_id])
    return pages | {
        "records": records,
        "failed ones": f"{records}?part=failed",
        "none": f"{records}?part=skipped&after=99",
        "meanwhile": f"{records}?part=meanwhile",
        "stop": reverse("replay-stop", args=[running.public_id]),
        "nothing to stop": reverse("replay-stop", args=[runs["done"].public_id]),
        "all": reverse("replays"),
        "no such": reverse("replays") + "?state=paused&merchant=" + str(store.public_id),
        "failed records": reverse("failed-records"),
        "shop": reverse("store", args=[store.public_id]),
    }
