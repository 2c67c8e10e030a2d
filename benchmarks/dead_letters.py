"""Failed records: how long their pages take with a million of them in five hundred causes.

The ledger holds ten million rows beside them. Times are the server's own: the console's WSGI
application in this process, without a network, warmed up once.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from benchmarks.ground import Ground
from benchmarks.results import Figure

LETTERS, CAUSES, DELIVERIES = 1_000_000, 500, 10_000_000
# A page of this console is answered within this, however much there is.
TARGET = 200.0
ROUNDS = 40

_CAUSES = """
INSERT INTO integrations_cause (merchant_id, platform, code, field, rule, first_seen_at,
  last_seen_at)
SELECT %(merchant)s, 'klaviyo', 'invalid', 'properties.field_' || n, '',
  now() - interval '80 days', now() - n * interval '10 minutes'
FROM generate_series(1, %(causes)s) n
"""
_EVENTS = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id, api_version,
  body, received_at, next_attempt_at, state, skip, note, attempts, failures, crashes, last_error,
  settled_at)
SELECT gen_random_uuid(), (%(stores)s::bigint[])[1 + n %% %(many)s], 0, 'orders/create', 'f' || n,
  '', '2026-10', '{}', now() - n * interval '6 seconds', now(), 'dead', '', '', 1, 0, 0, '', now()
FROM generate_series(%(first)s, %(last)s) n
"""
# Causes are of different sizes, as they are: the square gives the first a twentieth of all.
_LETTERS = """
INSERT INTO integrations_deadletter (public_id, store_id, klaviyo_account_id, event_id, cause_id,
  state, identity, kind, source_id, payload, message, pointer, answer, attempts, created_at,
  failed_at, person, amount, currency)
SELECT gen_random_uuid(), event.store_id, store.klaviyo_account_id, event.id,
  (%(causes)s::bigint[])[1 + floor(%(many)s * power(hashint8(event.id)::bigint %% 10000 / 1e4, 2))],
  (ARRAY['open','open','open','open','open','open','open','resolved','resolved','binned'])
    [1 + event.id %% 10],
  'placed_order:' || event.store_id || ':' || event.id,
  (ARRAY['placed_order','ordered_product','fulfilled_order','profile'])[1 + event.id %% 4],
  event.id::text,
  convert_to('{"metric":{"name":"Placed Order"},"properties":{"OrderId":"' || event.id || '"}}',
    'UTF8'),
  'This is not a valid value.', '/data/attributes/properties/field', '{}', 1, event.received_at,
  event.received_at, 'p' || event.id %% 300000, event.id %% 20000 / 100.0, 'EUR'
FROM integrations_event event JOIN integrations_store store ON store.id = event.store_id
WHERE event.id BETWEEN %(first)s AND %(last)s AND event.state = 'dead'
"""
_LEDGER = """
INSERT INTO integrations_delivery (klaviyo_account_id, store_id, kind, identity, source_id, profile,
  fingerprint, version, present, accepted_at, origin)
SELECT store.klaviyo_account_id, store.id, 'placed_order', 'placed_order:' || store.id || ':d' || n,
  n, 'a@b.co', 'x', now(), true, now(), 0
FROM generate_series(%(first)s, %(last)s) n
JOIN integrations_store store ON store.id = (%(stores)s::bigint[])[1 + n %% %(many)s]
"""
STRETCH = 100_000


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Fill the tables, then read every page as support and as the owner of it all."""
    from django.core.management import call_command

    share = 100 if quick else 1
    ground.empty()
    # As the release command does; pages name their files by content.
    call_command("collectstatic", "--no-input", verbosity=0)
    letters, causes = LETTERS // share, CAUSES
    _fill(ground, letters=letters, causes=causes, deliveries=DELIVERIES // share)
    said = f"{letters:,} failed records, {causes} reasons, {DELIVERIES // share:,} ledger rows"
    figures = [
        _of_page(f"{name}, {who}", client, addresses, said)
        for who, client in _people(ground)
        for name, addresses in _pages(ground).items()
    ]
    return [*figures, _figures_of_causes(said), _freezing(letters // 10)]


def _fill(ground: Ground, *, letters: int, causes: int, deliveries: int) -> None:
    from django.db import connection

    stores = [stall.pk for stall in ground.stalls]
    merchant = ground.one("SELECT id FROM integrations_merchant ORDER BY id LIMIT 1")
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {"merchant": merchant, "causes": causes})
        cursor.execute("SELECT id FROM integrations_cause ORDER BY id")
        keys = [row[0] for row in cursor.fetchall()]
        for first, last in _stretches(letters):
            place = {"first": first, "last": last}
            cursor.execute(_EVENTS, place | {"stores": stores, "many": len(stores)})
        # The keys of events begin at one again: the tables were emptied.
        for first, last in _stretches(letters):
            place = {"first": first, "last": last}
            cursor.execute(_LETTERS, place | {"causes": keys, "many": len(keys)})
        for first, last in _stretches(deliveries):
            place = {"first": first, "last": last}
            cursor.execute(_LEDGER, place | {"stores": stores, "many": len(stores)})
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    for first in range(1, count + 1, STRETCH):
        yield first, min(first + STRETCH - 1, count)


def _people(ground: Ground) -> list[tuple[str, Any]]:
    """A client of support and one of the owner of all shops."""
    from django.test import Client
    from django_otp import DEVICE_ID_SESSION_KEY
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from integrations.models import Membership, Merchant, User

    helper, _ = User.objects.get_or_create(email="helper@bench.test", defaults={"is_staff": True})
    owner, _ = User.objects.get_or_create(email="owner@bench.test")
    merchant = Merchant.objects.order_by("pk").first()
    Membership.objects.get_or_create(user=owner, merchant=merchant, defaults={"role": "owner"})
    clients = []
    for who, user in (("support", helper), ("owner", owner)):
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(user)
        if user.is_staff:
            app, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=True)
            session = client.session
            session[DEVICE_ID_SESSION_KEY] = app.persistent_id
            session.save()
        clients.append((who, client))
    return clients


def _pages(ground: Ground) -> dict[str, list[str]]:
    """Addresses of each kind of page, several of each, so that no single one is warm."""
    from django.utils import timezone

    causes = [row[0] for row in ground.query("SELECT id FROM integrations_cause ORDER BY id")]
    letters = ground.query(
        "SELECT public_id, source_id FROM integrations_deadletter WHERE id % 997 = 0 LIMIT 40"
    )
    stores = [stall.public_id for stall in ground.stalls]
    now = timezone.now()
    days = [(now - timedelta(days=number)).strftime("%Y-%m-%dT%H:%MZ") for number in range(1, 9)]
    return {
        "List": ["/failed/", "/failed/?state=all"],
        "List of a shop": [f"/failed/?store={one}" for one in stores],
        "List of a reason": [f"/failed/?cause={one}" for one in causes[::20]],
        "List of a kind": ["/failed/?kind=profile", "/failed/?kind=catalog_item&state=all"],
        "List of a time": [f"/failed/?until={day}" for day in days],
        "List, one record number": [f"/failed/?record={number}" for _, number in letters],
        "A reason": [f"/reasons/{one}/" for one in causes[::20]],
        "A record": [f"/failed/{one}/" for one, _ in letters],
    }


def _of_page(name: str, client: Any, addresses: list[str], said: str) -> Figure:
    times = []
    for number in range(ROUNDS + 1):
        address = addresses[number % len(addresses)]
        begun = time.perf_counter()
        response = client.get(address)
        took = (time.perf_counter() - begun) * 1000
        assert response.status_code == 200, f"{address}: {response.status_code}"
        times.append(took)
    # The first one loads templates and opens the connection.
    ordered = sorted(times[1:])
    p95 = ordered[int(len(ordered) * 0.95)]
    return Figure(
        f"{name}: server time p50 / p95",
        f"{ordered[len(ordered) // 2]:.0f} / {p95:.0f} ms",
        f"p95 under {TARGET:.0f} ms",
        p95 < TARGET,
        note=f"{said}; {ROUNDS} pages one after the other.",
    )


def _figures_of_causes(said: str) -> Figure:
    """All people and amounts worked out anew, as after a night in which every reason changed."""
    from django.utils import timezone

    from integrations.pipeline import cause_figures

    seconds, done = _timed(
        lambda: cause_figures.work_out(clock=timezone.now, stopping=lambda: False)
    )
    return Figure(
        "Whom reasons touch, worked out in one turn",
        f"{done} reasons in {seconds:.1f} s",
        f"a turn of {cause_figures.TURN.total_seconds():.0f} s at most",
        seconds < cause_figures.TURN.total_seconds() + 10,
        note=f"{said}.",
    )


def _freezing(left_out: int) -> Figure:
    """The draft of a replay over a large selection."""
    from uuid import uuid4

    from django.utils import timezone

    from integrations.models import Merchant, Replay, User
    from integrations.pipeline import audit, replays
    from integrations.pipeline.failed_lists import FailedFilter

    now = timezone.now()
    helper = User.objects.get(email="helper@bench.test")
    merchant = Merchant.objects.order_by("pk").first()
    assert merchant is not None
    wanted = FailedFilter(until=now - timedelta(seconds=6 * left_out))
    by = audit.person(helper, merchant)
    seconds, replay = _timed(
        lambda: replays.draft(helper, wanted, merchant=merchant, by=by, key=uuid4(), now=now)
    )
    frozen = Replay.objects.get(pk=replay.pk).total
    return Figure(
        "A selection frozen for sending again",
        f"{frozen:,} records in {seconds:.1f} s",
        "",
        note="The draft of a replay: its items are listed and counted, nothing is sent.",
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found
