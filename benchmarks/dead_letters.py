"""Failed records: how long their pages take with a million of them in five hundred causes.

The ledger holds ten million rows beside them. Times are the server's own: the console's WSGI
application in this process, without a network, warmed up once.
"""

import time
from datetime import timedelta
from typing import Any

from benchmarks import failed_fill, failed_work
from benchmarks.failed_work import timed
from benchmarks.ground import Ground
from benchmarks.results import Figure

LETTERS, CAUSES, DELIVERIES = 1_000_000, 500, 10_000_000
# So many are sent for real: below the number that needs a second person.
TOLD = 9_000
# A page of this console is answered within this, however much there is.
TARGET = 100.0
ROUNDS = 40


def measure(ground: Ground, *, quick: bool) -> list[Figure]:
    """Fill the tables, then read every page as support and as the owner of it all."""
    from django.core.management import call_command

    share = 100 if quick else 1
    ground.empty()
    # As the release command does; pages name their files by content.
    call_command("collectstatic", "--no-input", verbosity=0)
    letters, causes = LETTERS // share, CAUSES
    filling, _ = timed(
        lambda: failed_fill.fill(
            ground, letters=letters, causes=causes, deliveries=DELIVERIES // share
        )
    )
    print(f"  dead_letters: filled in {filling:.0f} s", flush=True)
    said = f"{letters:,} failed records, {causes} reasons, {DELIVERIES // share:,} ledger rows"
    figures = [
        _of_page(f"{name}, {who}", client, addresses, said)
        for who, client in people(ground)
        for name, addresses in _pages(ground).items()
    ]
    figures.append(_figures_of_causes(said))
    return [*figures, *failed_work.measure(ground, many=letters // 10, told=TOLD // share)]


def people(ground: Ground) -> list[tuple[str, Any]]:
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

    seconds, done = timed(
        lambda: cause_figures.work_out(clock=timezone.now, stopping=lambda: False)
    )
    return Figure(
        "Whom reasons touch, worked out in one turn",
        f"{done} reasons in {seconds:.1f} s",
        f"a turn of {cause_figures.TURN.total_seconds():.0f} s at most",
        seconds < cause_figures.TURN.total_seconds() + 10,
        note=f"{said}.",
    )
