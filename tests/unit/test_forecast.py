"""Figures of a sample, for everything; and who listens, in words."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import audits, forecast_words
from integrations.domain.audits import Seen, code_of_fault, code_of_skip
from integrations.domain.estimates import Basis, Binds, Estimate, Need, Remaining
from integrations.domain.forecast import (
    Ends,
    Example,
    FlowRisk,
    Forecast,
    KlaviyoView,
    Reach,
    Reason,
    Sight,
    Stage,
    StreamAudit,
    Trouble,
    Twin,
    WindowPlan,
    covered,
    spread,
)
from integrations.domain.listening import Known, sort
from integrations.domain.metrics import MetricNames
from integrations.domain.people import EMAIL_DROPPED
from integrations.domain.skips import Skip

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@given(
    seen=st.dictionaries(st.text(max_size=3), st.integers(0, 500), min_size=1, max_size=8),
    more=st.integers(0, 10**6),
)
def test_scaled_figures_add_up_and_never_fall_below_what_was_seen(seen, more):
    looked = sum(seen.values())

    found = spread(seen, looked + more)

    assert sum(found.values()) == (looked + more if looked else 0)
    assert all(found[name] >= seen[name] for name in seen)


def test_it_adds_up_its_streams():
    reasons = [
        Reason(code="new", ends=Ends.SENT, expected=7),
        Reason(code="nobody", ends=Ends.SKIPPED, expected=3),
    ]
    forecast = a_forecast(audits=[StreamAudit(stream="orders", looked=5, reasons=reasons)])

    assert forecast.is_ready
    assert forecast.audit("customers") is None
    assert (forecast.expected(Ends.SENT), forecast.expected(Ends.SKIPPED)) == (7, 3)


def test_stretches_cover_only_without_a_gap():
    whole = (NOON - 3 * DAY, NOON)
    assert covered(*whole, [(NOON - 4 * DAY, NOON - 2 * DAY), (NOON - 2 * DAY, NOON)])
    assert covered(*whole, [(NOON - 2 * DAY, NOON), (NOON - 3 * DAY, NOON - DAY)])
    assert not covered(*whole, [(NOON - 3 * DAY, NOON - 2 * DAY), (NOON - DAY, NOON)])
    assert not covered(*whole, [(NOON - 2 * DAY, NOON)])
    assert not covered(*whole, [])


@pytest.mark.parametrize(
    ("rule", "message", "code"),
    [
        ("type", "Expected `str`, got `null`", "null_field"),
        ("type", "Object missing required field `name`", "null_field"),
        ("order_shape", "This refund has no date.", "null_field"),
        (
            "order_shape",
            "Shopify's order cannot be read: Invalid RFC3339 encoded datetime",
            "bad_date",
        ),
        ("date", "Strange.", "bad_date"),
        ("truncated", "Shopify sent only a part of the lines.", "truncated"),
        ("type", "Expected `int`, got `str`", "type"),
        ("", "?", "unreadable"),
    ],
)
def test_faults_are_told_apart(rule, message, code):
    assert code_of_fault(rule, message) == code


def test_nobody_is_told_apart_by_whether_an_address_was_there():
    assert code_of_skip(Skip.NOBODY, (EMAIL_DROPPED,)) == "nobody_bad_email"
    assert code_of_skip(Skip.NOBODY, ()) == "nobody"
    assert code_of_skip(Skip.TEST_ORDER, (EMAIL_DROPPED,)) == "test_order"


def test_a_reason_keeps_three_examples_and_a_remark_too():
    audit = StreamAudit(stream="orders")
    for number in range(5):
        example = Example(str(number), f"#{number}", "a•••@b.shop")
        remarks = (("bad_phone", "••"),)
        audits.add(audit, Seen(Ends.SKIPPED, "nobody", example, remarks))
        audits.add(audit, Seen(Ends.SENT, "new", example))

    audits.scale(audit, 100)

    nobody = next(one for one in audit.reasons if one.code == "nobody")
    assert (nobody.seen, nobody.expected, len(nobody.examples)) == (5, 50, 3)
    assert [one.examples for one in audit.reasons if one.code == "new"] == [[]]
    assert (audit.remarks[0].expected, len(audit.remarks[0].examples)) == (50, 3)
    assert audit.remarks[0].examples[0].shows == "••"
    assert (audit.found, audit.expected(Ends.SENT)) == (100, 50)


def test_a_count_that_lags_behind_is_not_believed_against_what_was_seen():
    audit = StreamAudit(stream="orders")
    audits.add(audit, Seen(Ends.SENT, "new", Example("1", "")))
    audits.add(audit, Seen(Ends.SENT, "new", Example("2", "")))

    audits.scale(audit, 1)

    assert (audit.total, audit.found) == (2, 2)


# --- whose metric is whose ------------------------------------------------------------------------

OURS = Known("A", "Placed Order", "API", "api", "api")
SHOPIFY = Known("B", "Placed Order", "Shopify", "shopify", "ecommerce")
APP = Known("C", "Placed Order", "Sync Console", "sync_console", "other")
SPELT = Known("D", "Canceled Order", "Magento", "magento_two", "ecommerce")


def test_with_a_key_ours_is_what_the_api_writes():
    [found] = sort([OURS, SHOPIFY, APP], MetricNames(), kinds=["placed_order"], by_key=True)

    assert (found.ours, found.twins) == ([OURS], [SHOPIFY, APP])


def test_after_a_sign_in_ours_stands_under_the_apps_own_name():
    [found] = sort([OURS, SHOPIFY, APP], MetricNames(), kinds=["placed_order"], by_key=False)

    assert (found.ours, found.twins) == ([APP], [OURS, SHOPIFY])


def test_another_spelling_is_a_twin_and_never_ours():
    api = Known("E", "Canceled Order", "API", "api", "api")

    [found] = sort([SPELT, api], MetricNames(), kinds=["cancelled_order"], by_key=True)

    assert (found.ours, found.twins) == ([], [SPELT, api])


# --- words ----------------------------------------------------------------------------------------


def a_forecast(**changes):
    defaults = {
        "began_at": NOON,
        "updated_at": NOON,
        "stage": Stage.READY,
        "scopes": ["read_orders"],
        "windows": [
            WindowPlan(stream="orders", since=NOON - DAY, until=NOON, position=0, count=100)
        ],
        "audits": [StreamAudit(stream="orders", looked=100, total=100, whole=True)],
        "klaviyo": KlaviyoView(
            looked_at_metrics=True, looked_at_flows=True, looked_at_reports=True
        ),
    }
    return Forecast(**defaults | changes)


def codes(said):
    return [one.code for one in said]


def test_a_forecast_survives_being_kept():
    forecast = a_forecast()

    kept = msgspec.to_builtins(forecast)

    assert msgspec.convert(kept, Forecast) == forecast


def test_it_says_how_much_the_figures_rest_on():
    part = [StreamAudit(stream="orders", looked=40, total=100)]
    unknown = [WindowPlan(stream="orders", since=NOON - DAY, until=NOON, position=0)]

    assert "all 100 records" in forecast_words.looked(a_forecast())
    assert "40 of 100 records" in forecast_words.looked(a_forecast(audits=part))
    assert "does not say" in forecast_words.looked(a_forecast(audits=part, windows=unknown))
    early = a_forecast(audits=[], stage=Stage.COUNTS)
    assert "asking" in forecast_words.looked(early)


def test_periods_that_were_fetched_hidden_or_out_of_reach_are_said():
    plans = [
        WindowPlan(
            stream="orders",
            since=NOON - DAY,
            until=NOON,
            position=0,
            sight=Sight.PART,
            complete_since=NOON,
        )
    ]
    troubles = [
        Trouble("products", "missing_scope", "read_products"),
        Trouble("flow-triggers", "missing_scope"),
    ]

    said = forecast_words.windows(a_forecast(windows=plans, troubles=troubles))

    assert codes(said) == ["complete", "sixty_days", "missing_scope:read_products"]
    assert codes(forecast_words.windows(a_forecast())) == []


FLOW = FlowRisk(
    id="F", name="Thanks", status="live", is_live=True, metric="Placed Order", people=900, young=3
)


def view(**changes):
    return KlaviyoView(**{"looked_at_metrics": True, "looked_at_flows": True} | changes)


def test_silent_is_said_with_what_it_holds_back():
    said = forecast_words.silence(a_forecast(klaviyo=view(flows=[FLOW])), silent=True)

    assert codes(said) == ["silent", "flows_held", "profiles"]
    assert codes(forecast_words.silence(a_forecast(), silent=True))[1] == "no_flows"


def test_loud_names_flows_people_and_those_who_are_reached_at_once():
    forecast = a_forecast(klaviyo=view(flows=[FLOW]), young_is_whole=True)

    [loud, *_] = forecast_words.silence(forecast, silent=False)

    assert loud.tone == "warn"
    assert all(word in loud.sentence for word in ("Thanks", "3 people", "900 people"))
    [none, *_] = forecast_words.silence(a_forecast(), silent=False)
    assert "may start" in none.sentence


def test_what_could_not_be_looked_at_is_never_none():
    blind = a_forecast(klaviyo=KlaviyoView())

    assert "flows_unseen" in codes(forecast_words.silence(blind, silent=True))
    assert codes(forecast_words.twins(blind)) == ["twins_unseen"]
    growing = a_forecast(klaviyo=KlaviyoView(), stage=Stage.AUDIT)
    assert codes(forecast_words.silence(growing, silent=True)) == ["silent", "profiles"]
    assert forecast_words.twins(growing) == []


def test_without_orders_only_profiles_matter():
    plans = [WindowPlan(stream="customers", since=NOON - DAY, until=NOON, position=0)]

    assert codes(forecast_words.silence(a_forecast(windows=plans), silent=True)) == ["profiles"]


def a_twin(**changes):
    defaults = {"id": "B", "name": "Placed Order", "kind": "placed_order", "integration": "Shopify"}
    return Twin(**defaults | changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"twins": [a_twin(is_revenue=True)], "revenue_is_mapped": True}, "revenue_theirs"),
        ({"twins": [a_twin()], "revenue_is_ours": True, "revenue_is_mapped": True}, "revenue_ours"),
        ({"twins": [a_twin()]}, "revenue_unknown"),
    ],
)
def test_who_counts_as_revenue_is_said(changes, code):
    said = forecast_words.twins(a_forecast(klaviyo=view(**changes)))

    assert codes(said) == ["twins", code]


def test_a_twin_of_something_else_says_nothing_of_revenue():
    twins = [a_twin(kind="refunded_order", name="Refunded Order")]

    assert codes(forecast_words.twins(a_forecast(klaviyo=view(twins=twins)))) == ["twins"]
    assert forecast_words.twins(a_forecast()) == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "less than a minute"),
        (61, "about 2 minutes"),
        (7200, "about 2 hours"),
        (50 * 3600, "about 3 days"),
    ],
)
def test_times_are_said_as_people_do(seconds, said):
    assert forecast_words.duration(seconds) == said


def test_the_reason_for_the_time_is_said():
    needs = [
        Need("shopify", "graphql", 12, 5, Binds.SHOP_PACE),
        Need("klaviyo", "events", 900, 300, Binds.KLAVIYO_STEADY),
    ]
    found = Estimate(300, Binds.KLAVIYO_STEADY, "events", needs, 100, False)

    said = forecast_words.takes(found)

    assert "about 5 minutes" in said
    assert "900 calls to Klaviyo" in said
    assert "a minute" in said
    nothing = Estimate(0, Binds.NOTHING, "", [], 0, True)
    assert forecast_words.takes(nothing) == "There is nothing to fetch."


@pytest.mark.parametrize(
    ("remaining", "part"),
    [
        (Remaining(0, timedelta(0), 0, Basis.NONE), "Nothing is left"),
        (Remaining(9, None, 0, Basis.TOO_EARLY), "too early"),
        (Remaining(None, None, 60, Basis.RECENT), "does not say"),
        (Remaining(900, timedelta(minutes=3), 300, Basis.RECENT), "About 3 minutes left"),
    ],
)
def test_what_is_left_is_said_with_its_basis(remaining, part):
    assert part in forecast_words.left(remaining)


def test_every_reason_and_remark_has_words():
    for code in ("new", "null_field", "truncated", "nobody_bad_email", "arrived_before"):
        assert forecast_words.reason(code, Ends.FAILED)[0]
    assert "test order" in forecast_words.reason("test_order", Ends.SKIPPED)[0]
    assert "date" in forecast_words.reason("rule_time", Ends.FAILED)[0]
    assert "currency" in forecast_words.reason("currency", Ends.FAILED)[0]
    for code in ("guest_order", "known_from_other_shop", "bad_email", "bad_phone"):
        assert forecast_words.remark(code)[0]


def test_people_are_counted_in_words():
    one, many = Reach(metric="M", kind="k", people=1), Reach(metric="M", kind="k", people=1500)
    assert forecast_words.reached(one, exact=True) == "M: 1 person"
    assert forecast_words.reached(many, exact=False) == "M: about 1,500 people"


def test_each_trouble_is_said_once():
    troubles = [
        Trouble("count:orders:0", "502"),
        Trouble("count:orders:1", "502"),
        Trouble("products", "missing_scope", "read_products"),
        Trouble("periods", "odd"),
    ]

    [said] = forecast_words.troubles(a_forecast(troubles=troubles))

    assert "how much there is" in said.sentence
