"""What a person changed of an operation, in its place."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integrations.domain.operations import (
    DeleteCatalogItem,
    Kind,
    Profile,
    TrackEvent,
    UpsertCatalogItem,
    UpsertProfile,
)
from integrations.domain.patching import BadRepair, patched, read

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENT = TrackEvent(
    kind=Kind.PLACED_ORDER,
    metric="Placed Order",
    profile=Profile(email="old@mail.alpine-demo.shop"),
    scope="1",
    source_id="7",
    unique_id="7",
    occurred_at=NOW,
    version=NOW,
    value=Decimal("9.50"),
    currency="EUR",
    properties={"Items": ["Tent"]},
)


def test_an_entry_takes_everything_but_its_names():
    found = patched(
        EVENT,
        read(
            b'{"profile":{"phone_number":"+4915123456789"},"metric":{"data":1},"unique_id":"8",'
            b'"time":"2026-11-19T10:00:00","value":10.10,"value_currency":"CHF",'
            b'"properties":{"Items":[]}}'
        ),
    )

    assert found.profile == Profile(phone="+4915123456789")
    assert found.occurred_at == datetime(2026, 11, 19, 10, tzinfo=UTC)
    assert (found.value, found.currency, found.properties) == (
        Decimal("10.10"),
        "CHF",
        {"Items": []},
    )
    assert (found.metric, found.unique_id, found.identity) == ("Placed Order", "7", EVENT.identity)


def test_what_is_left_out_is_left_out_and_whose_it_is_stays():
    found = patched(EVENT, {})

    assert (found.value, found.currency, found.properties) == (None, None, {})
    assert (found.profile, found.occurred_at) == (EVENT.profile, NOW)


def test_of_two_ways_to_name_a_person_the_address_counts():
    profile = {"email": "new@mail.alpine-demo.shop", "phone_number": "+4915123456789"}

    assert patched(EVENT, {"profile": profile}).profile == Profile(email=profile["email"])


def test_a_person_with_another_address_is_another_person():
    one = UpsertProfile(Profile(email="old@mail.alpine-demo.shop"), "1", NOW, {"first_name": "A"})

    found = patched(one, {"email": "new@mail.alpine-demo.shop", "first_name": "B"})

    assert found.profile.email == "new@mail.alpine-demo.shop"
    assert found.attributes["first_name"] == "B"
    assert found.identity != one.identity
    assert patched(one, {"first_name": "B"}).identity == one.identity


def test_products_take_their_attributes_and_removals_nothing():
    item = UpsertCatalogItem("7", "1", NOW, {"title": "Tent"})
    gone = DeleteCatalogItem("7", "1", NOW)

    assert patched(item, {"title": "Tarp"}).attributes == {"title": "Tarp"}
    assert patched(gone, {"title": "Tarp"}) is gone


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"time":"soon"}', b'{"time":7}', b'{"value":"much"}', b'{"properties":[]}'],
)
def test_what_cannot_be_read_is_refused(content):
    with pytest.raises(BadRepair):
        patched(EVENT, read(content))
