"""What the ledger already holds decides what is sent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.operations import (
    DeleteCatalogItem,
    Kind,
    Profile,
    TrackEvent,
    UpsertCatalogItem,
    UpsertCatalogVariant,
    UpsertProfile,
    fingerprint,
)
from integrations.domain.planning import Held, Verdict, judge, settle_unique_id

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Profile(email="ann@shop.co")


def a_refund(number: int, **changes: object) -> TrackEvent:
    fields = {
        "kind": Kind.REFUNDED_ORDER,
        "metric": "Refunded Order",
        "profile": ANN,
        "scope": "1",
        "source_id": str(number),
        "unique_id": "100",
        "fallback_id": f"100_{number}",
        "occurred_at": NOON,
        "version": NOON,
        "value": Decimal(5),
        "currency": "EUR",
        "properties": {},
    }
    return TrackEvent(**fields | changes)


def held(content: bytes = b"a", *, version: datetime = NOON, present: bool = True) -> Held:
    return Held("1", content, version, present)


UPSERTS = [
    UpsertProfile(ANN, "1", NOON, {}),
    UpsertCatalogItem("1", "1", NOON, {}),
    UpsertCatalogVariant("1", "2", "1", NOON, {}),
]


def test_an_event_is_told_once_whatever_its_content():
    assert judge(a_refund(1), b"new", None) is Verdict.SEND
    assert judge(a_refund(1), b"new", held(b"old", version=NOON - HOUR)) is Verdict.UNCHANGED


def test_an_id_that_is_only_kept_free_does_not_count_as_told():
    assert judge(a_refund(1), b"new", held(present=False)) is Verdict.SEND


@pytest.mark.parametrize("operation", UPSERTS, ids=lambda one: one.kind)
def test_an_upsert_is_sent_when_it_says_something_new(operation):
    assert judge(operation, b"a", None) is Verdict.SEND
    assert judge(operation, b"a", held(b"a")) is Verdict.UNCHANGED
    assert judge(operation, b"a", held(b"a", version=NOON - HOUR)) is Verdict.UNCHANGED
    assert judge(operation, b"b", held(b"a", version=NOON - HOUR)) is Verdict.SEND
    assert judge(operation, b"b", held(b"a")) is Verdict.SEND
    assert judge(operation, b"b", held(b"a", version=NOON + HOUR)) is Verdict.STALE
    assert judge(operation, b"a", held(b"a", present=False)) is Verdict.SEND


def test_a_deletion_is_sent_where_there_is_something_to_delete():
    deletion = DeleteCatalogItem("1", "1", NOON)

    assert judge(deletion, b"", None) is Verdict.ABSENT
    assert judge(deletion, b"", held(present=False)) is Verdict.ABSENT
    assert judge(deletion, b"", held(version=NOON + HOUR)) is Verdict.STALE
    assert judge(deletion, b"", held()) is Verdict.SEND


@given(st.integers(-5, 5), st.integers(-5, 5), st.booleans())
def test_an_older_version_never_goes_out_after_a_newer_one(told, coming, same):
    operation = UpsertProfile(ANN, "1", NOON + coming * HOUR, {})

    verdict = judge(operation, b"a" if same else b"b", held(b"a", version=NOON + told * HOUR))

    assert (verdict is Verdict.STALE) == (coming < told)


def test_the_first_of_siblings_has_the_orders_id_and_keeps_it():
    first, second = a_refund(1), a_refund(2)
    taken = Held("1", b"", NOON, present=False)

    assert settle_unique_id(first, None).unique_id == "100"
    assert settle_unique_id(first, taken).unique_id == "100"
    assert settle_unique_id(second, taken).unique_id == "100_2"
    assert settle_unique_id(settle_unique_id(second, taken), taken).unique_id == "100_2"


def test_a_deletion_is_a_newer_state_of_the_same_thing():
    item = UpsertCatalogItem("7", "1", NOON, {})

    assert DeleteCatalogItem("7", "1", NOON).identity == item.identity == "catalog_item:1:7"
    assert UpsertCatalogVariant("7", "6", "1", NOON, {}).identity == "catalog_variant:1:7"


def test_a_persons_identity_holds_no_personal_data_and_is_the_same_in_every_store():
    one, two = UpsertProfile(ANN, "1", NOON, {}), UpsertProfile(ANN, "2", NOON, {})

    assert one.identity == two.identity
    assert "ann" not in one.identity
    assert one.identity != UpsertProfile(Profile(email="bob@shop.co"), "1", NOON, {}).identity


@given(st.binary(), st.binary())
def test_a_fingerprint_changes_with_its_content(one, two):
    assert (fingerprint(one) == fingerprint(two)) == (one == two)
    assert len(fingerprint(one)) == 16
