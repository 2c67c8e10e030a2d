"""What a client sees when it reads back."""

import pytest

from tests.sandbox.talk import BOB, an_event, person


@pytest.fixture
def metric(klaviyo, clock):
    for day in (1, 2, 2):
        number = f"{day}-{len(klaviyo.events())}"
        klaviyo.post("events", an_event(number, time=f"2026-10-0{day}T23:30:00Z", value=10.5))
    klaviyo.post("events", an_event("b", profile=person(email=BOB), time="2026-10-02T01:00:00Z"))
    clock.forward(2)
    [found] = klaviyo.get("metrics").json()["data"]
    return found["id"]


def sums(klaviyo, metric, **changes):
    own = {
        "metric_id": metric,
        "measurements": ["count", "sum_value", "unique"],
        "filter": [
            "greater-or-equal(datetime,2026-10-01T00:00:00)",
            "less-than(datetime,2026-10-04T00:00:00)",
        ],
        **changes,
    }
    body = {"data": {"type": "metric-aggregate", "attributes": own}}
    return klaviyo.post("metric-aggregates", body)


def test_events_become_visible_after_a_while(klaviyo, clock):
    klaviyo.post("events", an_event())

    early = klaviyo.get("events").json()["data"]
    clock.forward(2)

    assert early == []
    assert len(klaviyo.get("events").json()["data"]) == 1


def test_events_are_filtered_by_metric_and_time_with_what_belongs_to_them(klaviyo, metric):
    wanted = (
        f'equals(metric_id,"{metric}"),greater-or-equal(datetime,2026-10-02T00:00:00Z),'
        "less-than(datetime,2026-10-02T23:30:00Z)"
    )

    answer = klaviyo.get("events", filter=wanted, include="metric,profile").json()

    assert [one["attributes"]["event_properties"]["OrderId"] for one in answer["data"]] == ["b"]
    assert {one["type"] for one in answer["included"]} == {"metric", "profile"}


def test_events_come_in_pages_newest_first(klaviyo, metric):
    first = klaviyo.get("events", **{"page[size]": "3"}).json()
    token = first["links"]["next"].rsplit("=", 1)[-1]
    second = klaviyo.get("events", **{"page[size]": "3", "page[cursor]": token.replace("%3D", "=")})

    times = [one["attributes"]["datetime"] for one in first["data"]]
    assert times == sorted(times, reverse=True)
    seen = {one["id"] for one in first["data"]} | {one["id"] for one in second.json()["data"]}
    assert len(seen) == 4


def test_sums_are_bucketed_by_the_day_of_the_event(klaviyo, metric):
    answer = sums(klaviyo, metric).json()["data"]["attributes"]

    assert [day[:10] for day in answer["dates"]] == ["2026-10-01", "2026-10-02", "2026-10-03"]
    [row] = answer["data"]
    assert row["measurements"] == {
        "count": [1.0, 3.0, 0.0],
        "sum_value": [10.5, 120.5, 0.0],
        "unique": [1.0, 2.0, 0.0],
    }


def test_days_begin_where_the_timezone_says(klaviyo, metric):
    answer = sums(klaviyo, metric, timezone="Asia/Tokyo", measurements=["count"]).json()

    assert answer["data"]["attributes"]["data"][0]["measurements"]["count"] == [0.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "changes", [{"by": ["OrderId"]}, {"measurements": ["median"]}, {"filter": []}]
)
def test_what_cannot_be_summed_is_refused(klaviyo, metric, changes):
    assert sums(klaviyo, metric, **changes).status_code == 400


def test_events_cannot_be_filtered_by_a_property(klaviyo):
    assert klaviyo.get("events", filter='equals(unique_id,"1")').status_code == 400


def test_flows_of_a_metric_are_none_until_scripted(klaviyo, metric):
    before = klaviyo.get(f"metrics/{metric}/flow-triggers").json()["data"]
    klaviyo.script(flow_triggers={"Placed Order": [{"id": "FLOW01", "name": "Thank you"}]})
    after = klaviyo.get(f"metrics/{metric}/flow-triggers").json()["data"]

    assert before == []
    assert [flow["attributes"]["name"] for flow in after] == ["Thank you"]
