"""What each thing a store tells us means to Klaviyo."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrations.domain.metrics import MetricNames, Settings
from integrations.domain.operations import (
    DeleteCatalogItem,
    Kind,
    Profile,
    TrackEvent,
    UpsertCatalogItem,
    UpsertCatalogVariant,
    UpsertProfile,
)
from integrations.domain.properties import address_properties, location, present, text
from integrations.domain.records import (
    Address,
    Buyer,
    Checkout,
    Consent,
    Customer,
    Deletion,
    Fulfilment,
    InventoryLevel,
    LineItem,
    Order,
    Product,
    Refund,
    Stream,
    Variant,
)
from integrations.domain.skips import SENTENCES, Skip
from integrations.domain.translation import translate

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = Settings(scope="1", shop_url="https://alpine.shop")
ANN = Profile(email="ann@alpine.shop")
HOME = Address(
    first_name="Ann",
    last_name="Lee",
    company="Lee & Co",
    address1="High Street 1",
    address2="Flat 2",
    city="Bern",
    region="Bern",
    region_code="BE",
    zip="3000",
    country="Switzerland",
    country_code="CH",
    phone="+41446681800",
)
TENT = LineItem("11", "Tent", 2, Decimal("49.75"), "7", "8", "Red", "T-1", "Fjord")
CARD = LineItem("12", "Gift card", 1, Decimal("10.00"))


def a_refund(number: int = 21, **changes: object) -> Refund:
    return replace(
        Refund(str(number), "100", NOON + HOUR, Decimal("9.50"), "EUR", " broken ", (CARD,), NOON),
        **changes,
    )


def a_parcel(number: int = 31, **changes: object) -> Fulfilment:
    return replace(
        Fulfilment(
            str(number), "100", NOON + HOUR, False, "DHL", ("1Z", "2Z"), ("https://t/1Z",), (TENT,),
            NOON,
        ),
        **changes,
    )  # fmt: skip


def an_order(**changes: object) -> Order:
    order = Order(
        source_id="100",
        name="#1001",
        test=False,
        buyer=Buyer("Ann@Alpine.shop", "044 668 18 00", "Ann", "Lee"),
        placed_at=NOON,
        version=NOON + HOUR,
        currency="EUR",
        total=Decimal("109.50"),
        subtotal=Decimal("109.50"),
        discount_total=Decimal("5.00"),
        discount_codes=("TEN", "OFF"),
        tags=("vip", "new"),
        source_name="web",
        locale="de-CH",
        cancelled_at=None,
        cancel_reason=None,
        billing=HOME,
        shipping=replace(HOME, city="Basel"),
        lines=(TENT, CARD),
        refunds=(),
        fulfilments=(),
    )
    return replace(order, **changes)


def events(found) -> dict[Kind, TrackEvent]:
    return {one.kind: one for one in found.operations if isinstance(one, TrackEvent)}


def test_a_placed_order_carries_the_names_that_templates_expect():
    placed = events(translate(an_order(), settings=SETTINGS))[Kind.PLACED_ORDER]

    assert placed.metric == "Placed Order"
    assert placed.unique_id == placed.source_id == "100"
    assert placed.identity == "placed_order:1:100"
    assert placed.profile == ANN
    assert (placed.value, placed.currency) == (Decimal("109.50"), "EUR")
    assert placed.occurred_at == NOON
    assert placed.fallback_id is None
    assert placed.properties == {
        "OrderId": "100",
        "OrderNumber": "#1001",
        "ItemNames": ["Tent", "Gift card"],
        "Brands": ["Fjord"],
        "Item Count": 3,
        "DiscountCode": "TEN, OFF",
        "DiscountValue": Decimal("5.00"),
        "Items": [
            {
                "ProductID": "7",
                "VariantID": "8",
                "SKU": "T-1",
                "ProductName": "Tent",
                "VariantName": "Red",
                "Brand": "Fjord",
                "Quantity": 2,
                "ItemPrice": Decimal("49.75"),
                "RowTotal": Decimal("99.50"),
            },
            {
                "ProductName": "Gift card",
                "Quantity": 1,
                "ItemPrice": Decimal("10.00"),
                "RowTotal": Decimal("10.00"),
            },
        ],
        "BillingAddress": {
            "FirstName": "Ann",
            "LastName": "Lee",
            "Company": "Lee & Co",
            "Address1": "High Street 1",
            "Address2": "Flat 2",
            "City": "Bern",
            "Region": "Bern",
            "RegionCode": "BE",
            "Country": "Switzerland",
            "CountryCode": "CH",
            "Zip": "3000",
            "Phone": "+41446681800",
        },
        "ShippingAddress": address_properties(replace(HOME, city="Basel")),
        "Source Name": "web",
        "Customer Locale": "de-CH",
        "Tags": ["vip", "new"],
    }


def test_each_line_is_an_event_of_its_own():
    found = translate(an_order(), settings=SETTINGS)

    lines = [one for one in found.operations if one.kind is Kind.ORDERED_PRODUCT]
    assert [one.unique_id for one in lines] == ["100_11", "100_12"]
    assert [one.value for one in lines] == [Decimal("99.50"), Decimal("10.00")]
    assert lines[0].metric == "Ordered Product"
    assert lines[0].properties["OrderId"] == "100"
    assert lines[0].properties["SKU"] == "T-1"


def test_a_deleted_product_leaves_the_lines_sku_and_title():
    line = replace(TENT, product_id=None, variant_id=None)

    found = translate(an_order(lines=(line,)), settings=SETTINGS)

    item = events(found)[Kind.ORDERED_PRODUCT].properties
    assert (item["SKU"], item["ProductName"]) == ("T-1", "Tent")
    assert "ProductID" not in item
    assert "VariantID" not in item


def test_the_buyer_becomes_a_profile_with_name_place_and_phone():
    found = translate(an_order(), settings=SETTINGS)

    [person] = [one for one in found.operations if isinstance(one, UpsertProfile)]
    assert person.profile == ANN
    assert person.version == NOON + HOUR
    assert person.attributes == {
        "email": "ann@alpine.shop",
        "phone_number": "+41446681800",
        "first_name": "Ann",
        "last_name": "Lee",
        "location": {
            "address1": "High Street 1",
            "address2": "Flat 2",
            "city": "Basel",
            "region": "Bern",
            "zip": "3000",
            "country": "Switzerland",
        },
    }


def test_an_event_names_its_person_in_one_way_only():
    # E-mail and phone in one event would join two profiles at Klaviyo.
    for one in events(translate(an_order(), settings=SETTINGS)).values():
        assert one.profile == Profile(email="ann@alpine.shop")


def test_a_guest_without_an_address_is_known_by_phone():
    buyer = Buyer(phone="+41446681800")

    found = translate(an_order(buyer=buyer), settings=SETTINGS)

    assert events(found)[Kind.PLACED_ORDER].profile == Profile(phone="+41446681800")


def test_an_order_of_nobody_is_skipped_by_a_stated_rule():
    order = an_order(buyer=Buyer(email="broken", phone="12"), billing=None, shipping=None)

    found = translate(order, settings=SETTINGS)

    assert (found.operations, found.skip) == ([], Skip.NOBODY)
    assert found.notes == ("email_dropped", "phone_dropped")


def test_a_test_order_is_not_sent():
    assert translate(an_order(test=True), settings=SETTINGS).skip is Skip.TEST_ORDER


def test_a_cancelled_order_was_placed_and_then_cancelled():
    order = an_order(cancelled_at=NOON + HOUR, cancel_reason="customer")

    found = events(translate(order, settings=SETTINGS))

    assert found[Kind.PLACED_ORDER].occurred_at == NOON
    cancelled = found[Kind.CANCELLED_ORDER]
    assert (cancelled.metric, cancelled.unique_id) == ("Cancelled Order", "100")
    assert cancelled.occurred_at == NOON + HOUR
    assert cancelled.value == Decimal("109.50")
    assert cancelled.properties["Reason"] == "customer"


def test_refunds_and_parcels_in_an_order_may_use_its_id_or_their_own():
    gone = a_parcel(32, cancelled=True)
    order = an_order(refunds=(a_refund(),), fulfilments=(a_parcel(), gone))

    found = translate(order, settings=SETTINGS)

    refund = events(found)[Kind.REFUNDED_ORDER]
    assert (refund.unique_id, refund.fallback_id) == ("100", "100_21")
    assert (refund.value, refund.currency) == (Decimal("9.50"), "EUR")
    assert refund.properties == {
        "OrderId": "100",
        "RefundId": "21",
        "Reason": "broken",
        "ItemNames": ["Gift card"],
        "Items": [
            {
                "ProductName": "Gift card",
                "Quantity": 1,
                "ItemPrice": Decimal("10.00"),
                "RowTotal": Decimal("10.00"),
            }
        ],
    }
    [parcel] = [one for one in found.operations if one.kind is Kind.FULFILLED_ORDER]
    assert (parcel.unique_id, parcel.fallback_id) == ("100", "100_31")
    assert parcel.properties["TrackingCompany"] == "DHL"
    assert parcel.properties["TrackingNumbers"] == ["1Z", "2Z"]
    assert parcel.properties["TrackingURLs"] == ["https://t/1Z"]


@pytest.mark.parametrize("part", [a_refund(), a_parcel()], ids=["refund", "parcel"])
def test_a_part_on_its_own_goes_to_whom_its_order_went_to(part):
    unknown = translate(part, settings=SETTINGS)
    known = translate(part, settings=SETTINGS, buyers={"100": ANN})

    assert unknown.needs_order == "100"
    assert unknown.operations == []
    [event] = known.operations
    assert event.profile == ANN
    assert event.unique_id == "100"


def test_a_parcel_that_never_left_is_skipped():
    found = translate(a_parcel(cancelled=True), settings=SETTINGS, buyers={"100": ANN})

    assert found.skip is Skip.FULFILMENT_CANCELLED


def test_the_same_part_says_the_same_alone_and_in_its_order():
    order = an_order(refunds=(a_refund(),), fulfilments=(a_parcel(),))
    inside = events(translate(order, settings=SETTINGS))

    [refund] = translate(a_refund(), settings=SETTINGS, buyers={"100": ANN}).operations
    [parcel] = translate(a_parcel(), settings=SETTINGS, buyers={"100": ANN}).operations

    assert refund == inside[Kind.REFUNDED_ORDER]
    assert parcel == inside[Kind.FULFILLED_ORDER]


def a_checkout(**changes: object) -> Checkout:
    return replace(
        Checkout(
            "55", Buyer(email="ann@alpine.shop"), NOON, NOON, False, "EUR", Decimal("99.50"),
            "https://alpine.shop/recover", (TENT,),
        ),
        **changes,
    )  # fmt: skip


def test_a_started_checkout_is_told_once_however_often_it_changes():
    first = translate(a_checkout(), settings=SETTINGS).operations
    later = translate(a_checkout(version=NOON + HOUR), settings=SETTINGS).operations

    assert first[0].metric == "Started Checkout"
    assert first[0].unique_id == f"55_{int(NOON.timestamp())}" == later[0].unique_id
    assert first[0].properties["CheckoutURL"] == "https://alpine.shop/recover"
    assert first[0].properties["ItemNames"] == ["Tent"]


def test_a_checkout_that_is_done_or_of_nobody_is_skipped():
    assert translate(a_checkout(completed=True), settings=SETTINGS).skip is Skip.CHECKOUT_DONE
    assert translate(a_checkout(buyer=Buyer()), settings=SETTINGS).skip is Skip.NOBODY


def a_customer(**changes: object) -> Customer:
    return replace(
        Customer("5", "ann@alpine.shop", "12", "Ann", " ", "de", HOME, NOON),
        **changes,
    )


def test_what_is_unknown_of_a_person_is_left_out_and_never_null():
    found = translate(a_customer(), settings=SETTINGS)

    [person] = found.operations
    assert person.attributes == {
        "email": "ann@alpine.shop",
        "first_name": "Ann",
        "locale": "de",
        "location": location(HOME),
    }
    assert found.notes == ("phone_dropped",)


def test_a_customer_nobody_can_name_is_skipped():
    found = translate(a_customer(email=None, phone=None, address=None), settings=SETTINGS)

    assert found.skip is Skip.NOBODY


def a_product(**changes: object) -> Product:
    product = Product(
        source_id="7",
        title="Tent",
        description="<p>Dry &amp; light</p>",
        handle="tent",
        published=True,
        vendor="Fjord",
        product_type="Camping",
        tags=("new", "sale"),
        image_url="https://cdn/tent.png",
        variants=(
            Variant("8", "Red", "T-R", Decimal("49.75"), 3, None, NOON + HOUR),
            Variant("9", "Blue", None, Decimal("39.75"), -2, "https://cdn/blue.png", NOON),
        ),
        version=NOON,
    )
    return replace(product, **changes)


def test_a_product_is_an_item_and_its_variants():
    item, red, blue = translate(a_product(), settings=SETTINGS).operations

    assert isinstance(item, UpsertCatalogItem)
    assert item.attributes == {
        "title": "Tent",
        "description": "Dry & light",
        "url": "https://alpine.shop/products/tent",
        "price": Decimal("39.75"),
        "image_full_url": "https://cdn/tent.png",
        "custom_metadata": {"vendor": "Fjord", "product_type": "Camping", "tags": "new, sale"},
        "published": True,
    }
    assert isinstance(red, UpsertCatalogVariant)
    assert red.attributes == {
        "title": "Tent - Red",
        "description": "Dry & light",
        "url": "https://alpine.shop/products/tent?variant=8",
        "image_full_url": "https://cdn/tent.png",
        "sku": "T-R",
        "price": Decimal("49.75"),
        "inventory_quantity": 3,
        "published": True,
    }
    assert (red.item_id, red.version) == ("7", NOON + HOUR)
    assert blue.attributes["sku"] == "9"
    assert blue.attributes["inventory_quantity"] == 0
    assert blue.attributes["image_full_url"] == "https://cdn/blue.png"


def test_a_bare_product_still_has_what_klaviyo_requires():
    [item] = translate(
        a_product(variants=(), description=" <br> ", image_url=None, vendor=None, tags=(),
                  product_type=None, published=False),
        settings=SETTINGS,
    ).operations  # fmt: skip

    assert item.attributes == {
        "title": "Tent",
        "description": "Tent",
        "url": "https://alpine.shop/products/tent",
        "published": False,
    }


@pytest.mark.parametrize(
    ("stream", "skip"),
    [
        (Stream.CUSTOMERS, Skip.CUSTOMER_DELETED),
        (Stream.ORDERS, Skip.ORDER_DELETED),
        (Stream.CHECKOUTS, Skip.TOPIC_NOT_WANTED),
    ],
)
def test_a_deletion_in_the_store_is_not_an_erasure_at_klaviyo(stream, skip):
    found = translate(Deletion(stream, "5", NOON), settings=SETTINGS)

    assert (found.operations, found.skip) == ([], skip)


def test_a_deleted_product_leaves_the_catalog():
    found = translate(Deletion(Stream.PRODUCTS, "7", NOON), settings=SETTINGS)

    assert found.operations == [DeleteCatalogItem("7", "1", NOON)]


def test_consent_and_stock_per_place_are_never_passed_on():
    consent = translate(Consent("5", "email", "subscribed", NOON), settings=SETTINGS)
    level = translate(InventoryLevel("1", "2", 3, NOON), settings=SETTINGS)

    assert (consent.operations, consent.skip) == ([], Skip.CONSENT_OFF)
    assert (level.operations, level.skip) == ([], Skip.STOCK_PER_LOCATION)


def test_nothing_we_send_ever_speaks_of_consent():
    records = [an_order(), a_customer(), a_checkout(), a_product(), a_refund(), a_parcel()]

    for record in records:
        for operation in translate(record, settings=SETTINGS, buyers={"100": ANN}).operations:
            said = str(getattr(operation, "attributes", None) or operation.properties).lower()
            assert "consent" not in said
            assert "subscri" not in said
            assert "accepts_marketing" not in said


def test_metric_names_are_the_accounts_own():
    names = MetricNames(*(f"My {name}" for name in MetricNames.__struct_fields__))
    settings = Settings("1", "https://alpine.shop", names)
    order = an_order(cancelled_at=NOON, refunds=(a_refund(),), fulfilments=(a_parcel(),))

    said = {one.metric for one in events(translate(order, settings=settings)).values()}
    said |= {one.metric for one in translate(a_checkout(), settings=settings).operations}

    assert said == {f"My {name}" for name in MetricNames.__struct_fields__}


@given(st.booleans(), st.booleans(), st.integers(0, 3), st.integers(0, 3))
def test_translation_is_deterministic_and_no_identity_comes_twice(
    test, cancelled, refunds, parcels
):
    order = an_order(
        test=test,
        cancelled_at=NOON if cancelled else None,
        refunds=tuple(a_refund(n) for n in range(refunds)),
        fulfilments=tuple(a_parcel(n) for n in range(parcels)),
    )

    once, again = translate(order, settings=SETTINGS), translate(order, settings=SETTINGS)

    assert once == again
    own = [
        (one.kind, one.fallback_id or one.unique_id)
        for one in once.operations
        if isinstance(one, TrackEvent)
    ]
    assert len(own) == len(set(own))
    assert bool(once.skip) != bool(once.operations)


def test_a_region_and_a_country_may_be_known_by_code_only():
    place = location(Address(region_code="BE", country_code="CH"))

    assert place == {"region": "BE", "country": "CH"}
    assert location(None) == {}
    assert address_properties(None) == {}


def test_only_what_is_known_is_present():
    values = {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": Decimal(0)}

    assert present(values) == {"e": 0, "f": False, "g": Decimal(0)}
    assert (text(" x "), text("  "), text(""), text(None)) == ("x", None, None, None)


def test_every_rule_has_a_sentence_for_a_merchant():
    assert SENTENCES.keys() == set(Skip)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
