"""Whatever is thrown at the endpoint: no 500, and no signed body is lost."""

import json
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.models import DeadLetter, Event, Tally
from integrations.platforms.shopify.webhooks import PARSERS, SKIPPED

from .conftest import an_order

PERSON = {"id": 5, "email": "ann@mail.alpine-demo.shop", "updated_at": "2026-11-20T12:00:00Z"}
REFUND = {
    "id": 1,
    "order_id": 9007199254740994,
    "created_at": "2026-11-20T12:00:00Z",
    "transactions": [{"kind": "refund", "status": "success", "amount": "10.00"}],
    "refund_line_items": [
        {"quantity": 1, "subtotal": "5.00", "line_item": {"id": 71, "price": "5.00"}}
    ],
}
PRODUCT = {
    "id": 1,
    "title": "Tent",
    "handle": "tent",
    "updated_at": "2026-11-20T12:00:00Z",
    "variants": [{"id": 2, "price": "10.00", "inventory_quantity": 3}],
    "images": [{"src": "https://cdn/1.png", "variant_ids": [2]}],
}
BODIES = {
    "orders/create": an_order(1, refunds=[REFUND], customer={"first_name": "Ann"}),
    "refunds/create": REFUND,
    "fulfillments/create": {k: REFUND[k] for k in ("id", "order_id", "created_at")},
    "checkouts/create": an_order(1),
    "customers/update": PERSON,
    "customers_email_marketing_consent/update": {
        "customer_id": 5,
        "email_marketing_consent": {"state": "subscribed"},
    },
    "products/update": PRODUCT,
    "products/delete": {"id": 1},
}
# Raw JSON that no library writes by itself.
ODD = [
    "1e999999", "-1e999999", "1E+99999999999", "9" * 400, str(2**63), str(2**64), str(-(2**63) - 1),
    "NaN", "Infinity", '"NaN"', '"sNaN"', '"9E+999999"', '"-0"', "1e-999999", "0.1e1",
    '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\u2028"', '"\\uffff"',
    '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"', '"2026-02-30T00:00:00Z"',
    '"2026-11-20T12:00:00"', '"2026-11-20"', "null", "true", "[]", "{}", '""', "[null]", "[[[[]]]]",
    "{" * 600, "[" * 2000 + "]" * 2000, '{"a":' * 600 + "1" + "}" * 600,
]  # fmt: skip
PLACEHOLDER = "@odd@"


def places(value, path=()):
    """Every place of a body where something else could stand."""
    if path:
        yield path
    if not isinstance(value, dict | list):
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places(inner, (*path, key))


def with_odd(body, path, odd):
    found = json.loads(json.dumps(body))
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = PLACEHOLDER
    return json.dumps(found).replace(f'"{PLACEHOLDER}"', odd).encode()


@st.composite
def mutated(draw):
    topic = draw(st.sampled_from(sorted(BODIES)))
    raw = json.dumps(BODIES[topic]).encode()
    match draw(st.sampled_from(["odd", "odd", "odd", "cut", "bytes", "double", "any", "junk"])):
        case "odd":
            path = draw(st.sampled_from(list(places(BODIES[topic]))))
            raw = with_odd(BODIES[topic], path, draw(st.sampled_from(ODD)))
        case "cut":
            raw = raw[: draw(st.integers(0, len(raw)))]
        case "bytes":
            at = draw(st.integers(0, len(raw) - 1))
            raw = raw[:at] + draw(st.binary(min_size=1, max_size=4)) + raw[at + 1 :]
        case "double":
            key = draw(st.sampled_from(sorted(BODIES[topic])))
            raw = raw[:-1] + f', "{key}": {draw(st.sampled_from(ODD))}}}'.encode()
        case "any":
            topic = draw(st.sampled_from(sorted(PARSERS | SKIPPED)))
        case "junk":
            raw = draw(st.binary(max_size=60))
    return topic, raw


HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=250)
TIMES = st.sampled_from(
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "soon", "", "2026-11-20T12:00:00Z"]
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.lists(st.tuples(mutated(), TIMES), min_size=4, max_size=9))
def test_every_body_that_was_taken_ends_and_nothing_raises(
    klaviyo, store, post, work, clock, batch
):
    Event.objects.all().delete()
    Tally.objects.all().delete()

    for (topic, raw), triggered in batch:
        named = {"X-Shopify-Webhook-Id": uuid4().hex, "X-Shopify-Triggered-At": triggered}
        assert post(store, topic, raw, headers=named).status_code == 200
    assert Event.objects.count() == len(batch)
    clock.forward(minutes=20)
    work()

    for event in Event.objects.all():
        match event.state:
            case "delivered":
                assert event.attempts >= 1
            case "skipped":
                assert event.skip
            case "dead":
                assert DeadLetter.objects.filter(event=event).exists()
            case _:
                assert event.tries.exists(), "only a refund may wait, for its order"
                assert event.next_attempt_at is not None
        assert event.crashes == 0
    tally = Tally.objects.all()
    ended = sum(one.delivered + one.skipped + one.dead for one in tally)
    assert ended + Event.objects.waiting().count() == len(batch)
    assert not any(status >= 500 for status in statuses(klaviyo))


def statuses(klaviyo):
    return [call["status"] for call in klaviyo.calls if isinstance(call["status"], int)]


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(
        ["Topic", "Shop-Domain", "Webhook-Id", "Event-Id", "API-Version", "Triggered-At",
         "Hmac-Sha256"]
    ),
    value=HEADER,
    known=st.booleans(),
)  # fmt: skip
def test_no_header_breaks_the_endpoint(store, post, name, value, known):
    raw = b'{"id": 1}'
    before = Event.objects.count()

    answer = post(
        store,
        "orders/create",
        raw,
        headers={"X-Shopify-Webhook-Id": uuid4().hex, f"X-Shopify-{name}": value},
        address=None if known else "/webhooks/shopify/compliance/",
    )

    assert answer.status_code in {200, 400, 401, 404}
    kept = Event.objects.count() - before
    assert kept == (1 if answer.content == b"Stored.\n" else 0)
