"""Receive: verify the signature over the raw bytes, keep the body, answer."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db import connection

from integrations.domain.lanes import Lane
from integrations.models import Store
from integrations.platforms.shopify import headers as shopify_headers
from integrations.platforms.shopify.signature import is_genuine

from . import health

# Why a webhook is counted as turned away.
SIGNATURE, OTHER_SHOP = REASONS = ("signature", "shop")
# The address of privacy requests, instead of a store's own.
COMPLIANCE = "compliance"
COMPLIANCE_TOPICS = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
# A store that was just connected is found at once; a change to one is seen after this long.
STORE_MEMORY = 10.0
# At most one nudge per process in this time: a drain that is under way polls by itself.
NUDGE_EVERY = 0.2


class Answer(NamedTuple):
    """What the sender is told."""

    status: int
    text: str
    stored: bool = False
    headers: tuple[tuple[str, str], ...] = ()


STORED = Answer(200, "Stored.\n", stored=True)
DUPLICATE = Answer(200, "Already stored.\n")
NOT_A_WEBHOOK = "This is not a webhook: {}\n"
BAD_SIGNATURE = Answer(401, "The signature does not match the body.\n")
UNKNOWN_STORE = Answer(404, "No store is connected at this address.\n")
NOT_POST = Answer(405, "Webhooks are sent with POST.\n", headers=(("Allow", "POST"),))
TOO_LARGE = Answer(413, "The body is larger than this console accepts.\n")
UNAVAILABLE = Answer(
    503, "Not stored. Please send this again later.\n", headers=(("Retry-After", "5"),)
)


class KnownStore(NamedTuple):
    """What the receiving side must know of a store."""

    pk: int
    domain: str


class Row(NamedTuple):
    """One event as the receiving statement writes it."""

    public_id: Any
    store_id: int
    lane: int
    topic: str
    webhook_id: str
    event_id: str
    api_version: str
    body: bytes
    triggered_at: datetime | None
    received_at: datetime
    next_attempt_at: datetime


Keep = Callable[[Row], bool]

INSERT = """
INSERT INTO integrations_event (public_id, store_id, lane, topic, webhook_id, event_id,
  api_version, body, triggered_at, received_at, next_attempt_at, state, skip, note, attempts,
  failures, crashes, last_error)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'waiting', '', '', 0, 0, 0, '')
ON CONFLICT (store_id, webhook_id) DO NOTHING
"""


def receive(
    address: str, *, headers: Mapping[str, str], body: bytes, now: datetime, keep: Keep
) -> Answer:
    """Verify one webhook and keep it; `address` is a store's public id or COMPLIANCE.

    `headers` are keyed in lower case. `keep` writes the row, durably, before it returns whether
    the row is new. Raises whatever `keep` raises when the database cannot be reached.
    """
    if len(body) > max_bytes():
        return TOO_LARGE
    try:
        delivery = shopify_headers.read(headers)
    except shopify_headers.NotAWebhook as exc:
        return Answer(400, NOT_A_WEBHOOK.format(exc))
    store = None if address == COMPLIANCE else find_store(address)
    if address != COMPLIANCE and store is None:
        return UNKNOWN_STORE
    if not is_genuine(body, delivery.signature, settings.SHOPIFY_APP_SECRETS):
        count_refusal(store, SIGNATURE, now=now)
        return BAD_SIGNATURE
    if address == COMPLIANCE:
        if delivery.topic not in COMPLIANCE_TOPICS:
            return Answer(400, NOT_A_WEBHOOK.format("only privacy requests come to this address."))
        store = store_of_body(body)
        if store is None:
            return UNKNOWN_STORE
    elif store and store.domain != delivery.shop:
        count_refusal(store, OTHER_SHOP, now=now)
        return Answer(400, NOT_A_WEBHOOK.format("the shop domain is not the one of this store."))
    assert store is not None  # noqa: S101 - both branches above have made sure
    is_new = keep(
        Row(
            public_id=uuid4(),
            store_id=store.pk,
            lane=int(Lane.LIVE),
            topic=delivery.topic,
            webhook_id=delivery.webhook_id,
            event_id=delivery.event_id,
            api_version=delivery.api_version,
            body=body,
            triggered_at=delivery.triggered_at,
            received_at=now,
            next_attempt_at=now,
        )
    )
    return STORED if is_new else DUPLICATE


# One statement for all rows of a commit: half the client's work, and a sixth less for PostgreSQL.
# Binary, so that bodies are not written out as text.
_TYPES = {
    "public_id": "uuid",
    "store_id": "bigint",
    "lane": "smallint",
    "body": "bytea",
    "triggered_at": "timestamptz",
    "received_at": "timestamptz",
    "next_attempt_at": "timestamptz",
}
INSERT_MANY = f"""
INSERT INTO integrations_event ({", ".join(Row._fields)}, state, skip, note, attempts, failures,
  crashes, last_error)
SELECT *, 'waiting', '', '', 0, 0, 0, ''
FROM unnest({", ".join(f"%b::{_TYPES.get(name, 'text')}[]" for name in Row._fields)})
ON CONFLICT (store_id, webhook_id) DO NOTHING
"""


def insert_many(cursor: Any, rows: Sequence[Row]) -> None:
    """Write many rows; those that are there already are left as they are."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    cursor.execute(INSERT_MANY, columns, prepare=True)


def insert(cursor: Any, row: Row) -> bool:
    """Write one row; say whether it is new. Works on a psycopg cursor."""
    cursor.execute(INSERT, row, prepare=True)
    return bool(cursor.rowcount)


def max_bytes() -> int:
    """The largest body that is accepted."""
    return int(settings.WEBHOOK_MAX_BYTES)


# --- which store ---------------------------------------------------------------------------------

_stores: dict[str, tuple[float, KnownStore]] = {}


def find_store(public_id: str) -> KnownStore | None:
    """Look a store up by its public id, remembering it for a few seconds."""
    known = _stores.get(public_id)
    if known and time.monotonic() - known[0] < STORE_MEMORY:
        return known[1]
    store = _look_up(public_id)
    if store is None:
        _stores.pop(public_id, None)
        return None
    if len(_stores) > 10_000:
        _stores.clear()
    _stores[public_id] = (time.monotonic(), store)
    return store


def forget_stores() -> None:
    """Drop what is remembered; for tests that make and delete stores quickly."""
    _stores.clear()


def _look_up(public_id: str) -> KnownStore | None:
    try:
        key = UUID(public_id)
    except ValueError:
        return None
    row = Store.objects.filter(public_id=key).values_list("pk", "domain").first()
    return KnownStore(row[0], row[1].lower()) if row else None


class _Compliance(msgspec.Struct):
    shop_domain: str


def store_of_body(body: bytes) -> KnownStore | None:
    """The store a privacy request is about, as its signed body says."""
    try:
        domain = msgspec.json.decode(body, type=_Compliance).shop_domain.lower()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not shopify_headers.SHOP.match(domain):
        return None
    row = Store.objects.filter(domain__iexact=domain).values_list("pk", "domain").first()
    return KnownStore(row[0], row[1].lower()) if row else None


# --- counting and waking -------------------------------------------------------------------------

_COUNT = """
INSERT INTO integrations_refusalcount (store_id, reason, hour, count) VALUES (%s, %s, %s, 1)
ON CONFLICT (store_id, reason, hour) DO UPDATE SET count = integrations_refusalcount.count + 1
"""


def count_refusal(store: KnownStore | None, reason: str, *, now: datetime) -> None:
    """Note that something was turned away; its body is not kept."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [store.pk if store else None, reason, hour])


class _Nudges:
    """When this process last asked for a drain."""

    last = 0.0


def nudge(*, now: datetime) -> None:
    """Ask for a drain, unless one is under way or was asked for a moment ago."""
    if time.monotonic() - _Nudges.last < NUDGE_EVERY:
        return
    _Nudges.last = time.monotonic()
    health.ask_for_drain(now=now)
