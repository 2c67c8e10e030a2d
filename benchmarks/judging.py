"""Judging two hundred shops: how long a look at everything takes, and the pages that show it.

A month of minutes lies behind each shop; some of them are stuck, late or failing. The look is what
a worker does every minute, in this process; the pages are the console's own WSGI application.
"""

import gc
import time
from datetime import timedelta
from typing import Any

from benchmarks.ground import Ground
from benchmarks.results import Figure

SHOPS, DAYS = 200, 30
ROUNDS = 20
LONGEST_LOOK, LONGEST_PAGE = 5.0, 100.0

_TALLIES = """
WITH made AS (
INSERT INTO integrations_tally (store_id, minute, delivered, skipped, dead, lag_seconds)
SELECT %(store)s, date_trunc('minute', now()) - n * interval '1 minute', 9, 1,
  CASE WHEN n %% 97 = 0 THEN 1 ELSE 0 END, 12.5
FROM generate_series(30, %(minutes)s) n
RETURNING 1) SELECT count(*) FROM made
"""


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Make the shops and their month, then look, and read the pages."""
    from django.core.management import call_command

    ground.empty()
    # As the release command does; pages name their files by content.
    call_command("collectstatic", "--no-input", verbosity=0)
    shops, days = (20, 1) if quick else (SHOPS, DAYS)
    stores = _shops(ground, shops)
    for pk in stores:
        ground.query(_TALLIES, {"store": pk, "minutes": days * 1440})
    ground.execute("ANALYZE integrations_tally")
    said = f"{len(stores)} shops, a row for each minute of {days} days"
    return [_look(said), *_pages(said, stores)]


def _shops(ground: Ground, wanted: int) -> list[int]:
    """So many shops, one in ten of them with something that waits too long."""
    from django.utils import timezone

    from integrations.domain.lanes import Lane
    from integrations.models import Event, Merchant, Store, StoreLane

    now = timezone.now()
    first = Store.objects.order_by("pk").first()
    assert first is not None
    merchant = Merchant.objects.create(name="Bench, many", created_at=now)
    made = Store.objects.bulk_create(
        Store(
            merchant=merchant,
            klaviyo_account=first.klaviyo_account,
            domain=f"many-{n:03}.myshopify.com",
            name=f"Many {n:03}",
            created_at=now,
        )
        for n in range(wanted - Store.objects.count())
    )
    stores = [*Store.objects.order_by("pk")]
    StoreLane.objects.bulk_create(
        StoreLane(store=store, lane=lane, last_served_at=now) for store in made for lane in Lane
    )
    late = now - timedelta(minutes=30)
    Event.objects.bulk_create(
        Event(
            store=store, topic="orders/create", webhook_id=f"judged-{store.pk}", body=b"{}",
            received_at=late, next_attempt_at=late,
        )
        for store in stores[::10]
    )  # fmt: skip
    Event.objects.bulk_create(
        Event(
            store=store, topic="orders/create", webhook_id=f"told-{store.pk}", body=b"{}",
            received_at=now, next_attempt_at=now, state="delivered", settled_at=now,
        )
        for store in stores
    )  # fmt: skip
    return [store.pk for store in stores]


def _look(said: str) -> Figure:
    from django.utils import timezone

    from integrations.models import Alert
    from integrations.pipeline import alerts, health

    health.beat(health.SWEEP, now=timezone.now())
    times = []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        alerts.look(now=timezone.now())
        times.append((time.perf_counter() - began, time.process_time() - used))
    seconds = sorted(took for took, _ in times)
    return Figure(
        "A look at every shop, by one worker: median / longest",
        f"{seconds[len(seconds) // 2]:.2f} / {seconds[-1]:.2f} s",
        f"at most {LONGEST_LOOK:.0f} s",
        seconds[-1] < LONGEST_LOOK,
        note=f"{said}; {ROUNDS} looks, {Alert.objects.count()} alerts open; processor time of the "
        f"worker {max(used for _, used in times):.2f} s at most.",
    )


def _pages(said: str, stores: list[int]) -> list[Figure]:
    from django.test import Client
    from django_otp import DEVICE_ID_SESSION_KEY
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from integrations.models import Store, User

    user, _ = User.objects.get_or_create(email="helper@bench.test", defaults={"is_staff": True})
    client: Any = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    app, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=True)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = app.persistent_id
    session.save()
    shops = Store.objects.filter(pk__in=stores[:40]).values_list("public_id", flat=True)
    client.get("/")
    # As the web server does when it has loaded everything.
    gc.collect()
    gc.freeze()
    pages = {
        "Home": ["/"],
        "Alerts": ["/alerts/"],
        "A shop": [f"/stores/{one}/" for one in shops],
    }
    return [_page(client, name, addresses, said) for name, addresses in pages.items()]


def _page(client: Any, name: str, addresses: list[str], said: str) -> Figure:
    times = []
    for number in range(ROUNDS * 2 + 1):
        began = time.perf_counter()
        response = client.get(addresses[number % len(addresses)])
        times.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, response.status_code
    ordered = sorted(times[1:])
    p95 = ordered[int(len(ordered) * 0.95)]
    return Figure(
        f"{name}, support: server time p50 / p95",
        f"{ordered[len(ordered) // 2]:.0f} / {p95:.0f} ms",
        f"p95 under {LONGEST_PAGE:.0f} ms",
        p95 < LONGEST_PAGE,
        note=f"{said}; {len(ordered)} pages one after the other.",
    )
