"""What a client sees of keys, limits and everything that goes wrong on the way."""

import pytest
import requests

from tests.sandbox.talk import an_event

LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def statuses(klaviyo, count, path="metrics"):
    return [klaviyo.get(path).status_code for _ in range(count)]


def test_the_burst_of_a_second_is_refused_beyond_its_limit(klaviyo, clock):
    assert statuses(klaviyo, 11) == [200] * 10 + [429]

    answer = klaviyo.get("metrics")

    assert answer.headers["Retry-After"] == "1"
    assert not set(LIMIT_HEADERS) & set(answer.headers)
    assert answer.json()["errors"][0]["code"] == "throttled"
    clock.forward(1)
    assert statuses(klaviyo, 1) == [200]


def test_retrying_before_the_wait_is_over_fails_and_is_held_against_the_caller(klaviyo, clock):
    clock.forward(0.9)
    statuses(klaviyo, 11)
    clock.forward(0.5)

    assert statuses(klaviyo, 1) == [429]

    assert klaviyo.look("state")["violations"] == {"GET /api/metrics": 1}


def test_the_minute_has_a_limit_of_its_own(klaviyo, clock):
    for _ in range(15):
        assert statuses(klaviyo, 10) == [200] * 10
        clock.forward(1)

    answer = klaviyo.get("metrics")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "45"
    clock.forward(45)
    assert statuses(klaviyo, 1) == [200]


def test_answers_tell_what_is_left_of_the_minute(klaviyo):
    klaviyo.get("accounts")
    klaviyo.script(limits="off")
    free = klaviyo.get("accounts")
    klaviyo.script(limits={"GET /api/accounts": [2, 7]})

    assert int(free.headers["RateLimit-Limit"]) >= 1_000_000
    answer = klaviyo.get("accounts")
    assert [answer.headers[name] for name in LIMIT_HEADERS] == ["7", "5", "60"]


def test_an_unknown_or_revoked_key_opens_nothing(klaviyo):
    klaviyo.script(revoked=["pk_other"])

    for key in ("pk_unknown", "pk_other", ""):
        answer = klaviyo.call("GET", "accounts", key=key)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/vnd.api+json"
        assert {"id", "code", "title", "detail"} <= set(answer.json()["errors"][0])


def test_the_revision_is_required(klaviyo):
    headers = {"Authorization": "Klaviyo-API-Key pk_demo"}

    answer = requests.get(f"{klaviyo.server.url}/api/accounts", headers=headers, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"parameter": "revision"}


def test_unknown_paths_and_methods_are_told_apart(klaviyo):
    assert klaviyo.get("nothing").status_code == 404
    assert klaviyo.get("profile-import").status_code == 405


def test_planned_answers_come_first_and_run_out(klaviyo):
    throttled = {"status": 429, "headers": {"Retry-After": "2"}, "times": 2, "match": "/api/events"}
    klaviyo.script(answer_next=[throttled, {"html": True, "match": "/api/events"}])

    answers = [klaviyo.post("events", an_event()) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [429, 429, 403, 202]
    assert answers[0].headers["Retry-After"] == "2"
    assert answers[2].headers["Content-Type"].startswith("text/html")
    assert klaviyo.look("state")["planned"] == 0


@pytest.mark.parametrize(("when", "kept"), [("before", 0), ("after", 1)])
def test_a_connection_drops_before_or_after_the_effect(klaviyo, when, kept):
    klaviyo.script(answer_next=[{"drop": when, "match": "/api/events"}])

    with pytest.raises(requests.ConnectionError):
        klaviyo.post("events", an_event())

    assert len(klaviyo.events()) == kept


def test_a_share_of_calls_goes_wrong(klaviyo):
    klaviyo.script(share_500=0.5, limits="off")

    seen = statuses(klaviyo, 60)

    assert set(seen) == {200, 500}


def test_the_log_of_calls_names_endpoint_and_answer(klaviyo):
    klaviyo.post("events", an_event())

    [line] = klaviyo.look("calls", limit="1")["calls"]
    assert (line["endpoint"], line["status"]) == ("POST /api/events", 202)


def test_a_reset_forgets_everything(klaviyo):
    klaviyo.post("events", an_event())
    klaviyo.script(limits="off", lose_after_202=1)

    klaviyo.session.post(f"{klaviyo.server.url}/_sandbox/reset", timeout=5)
    klaviyo.post("events", an_event("2"))

    assert [event["unique_id"] for event in klaviyo.events()] == ["2"]
