"""What each answer of Klaviyo means."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.failures import FailureKind
from integrations.platforms.http import Answer
from integrations.platforms.klaviyo.answers import (
    failure_of,
    failures_of,
    first_error,
    position,
    retry_after,
)
from integrations.platforms.klaviyo.client import Klaviyo, allowance, created_id

JSON = {"content-type": "application/vnd.api+json"}
HTML = {"content-type": "text/html; charset=UTF-8"}


def answer(status: int, body: object = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, JSON | named, raw, 5)


def error(**fields: object) -> dict[str, object]:
    return {"errors": [{"code": "invalid", "title": "Invalid input.", "detail": "No."} | fields]}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_good_answer_is_no_failure(status):
    assert failure_of(answer(status)) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.REJECTED),
        (401, FailureKind.AUTH),
        (403, FailureKind.AUTH),
        (404, FailureKind.REJECTED),
        (405, FailureKind.REJECTED),
        (408, FailureKind.TRANSIENT),
        (409, FailureKind.REJECTED),
        (410, FailureKind.REJECTED),
        (413, FailureKind.TOO_LARGE),
        (415, FailureKind.REJECTED),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.TRANSIENT),
        (502, FailureKind.TRANSIENT),
        (503, FailureKind.TRANSIENT),
        (504, FailureKind.TRANSIENT),
        (524, FailureKind.TRANSIENT),
        (302, FailureKind.UNEXPECTED),
        (599, FailureKind.UNEXPECTED),
    ],
)
def test_a_status_is_named_for_what_to_do(status, kind):
    failure = failure_of(answer(status, error()))

    assert failure is not None
    assert failure.kind is kind
    assert failure.status == status


def test_the_proxys_page_is_no_missing_permission():
    page = Answer(403, HTML, b"<html>Cloudflare</html>", 5)

    assert failure_of(page).kind is FailureKind.TRANSIENT


@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_a_page_of_some_proxy_ends_no_record(status):
    page = Answer(status, HTML, b"<html>nginx</html>", 5)

    assert failure_of(page).kind is FailureKind.UNEXPECTED


def test_klaviyos_own_words_are_kept():
    found = failure_of(answer(400, error(source={"pointer": "/data/attributes/email"})))

    assert (found.code, found.message) == ("invalid", "No.")
    assert found.pointer == "/data/attributes/email"
    assert json.loads(found.answer)["errors"]


@pytest.mark.parametrize("raw", [b"", b"<html>", b"\xff", b"[]", b'{"errors": 5}', b"[" * 5000])
def test_an_answer_without_errors_still_names_its_status(raw):
    found = failure_of(answer(500, raw))

    assert found.message == "Klaviyo answered with status 500."
    assert found.code == "500"
    assert failures_of(answer(400, raw)) == []
    assert first_error(answer(400, raw)).code == ""


def test_a_nul_in_an_answer_never_reaches_a_column():
    body = error(code="in\0valid", detail="bad \0 name", source={"pointer": "/data/\0"})

    for found in [failure_of(answer(400, body)), *failures_of(answer(400, body))]:
        assert "\0" not in found.message + found.code + found.pointer + found.answer


def test_every_item_that_is_named_is_found():
    at = "/data/attributes/events-bulk-create/data/{}/attributes/profile"
    body = {"errors": [{"code": "", "source": {"pointer": at.format(n)}} for n in (3, 17)]}

    found = failures_of(answer(400, body))

    assert [position(one.pointer) for one in found] == [3, 17]
    assert [one.code for one in found] == ["invalid", "invalid"]


@pytest.mark.parametrize(
    ("pointer", "number"),
    [
        ("/data/attributes/profiles/data/0/attributes/email", 0),
        ("/data/attributes/items/data/12", 12),
        ("/data/attributes/variants/data/99/attributes/sku", 99),
        ("/data/attributes/email", None),
        ("/data", None),
        ("", None),
    ],
)
def test_a_pointer_names_an_item_or_none(pointer, number):
    assert position(pointer) == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("0", 1), ("7200", 7200), ("9" * 40, 86_400), ("", 10), ("soon", 10), ("²", 10)],
)
def test_a_wait_is_obeyed_as_it_was_asked_for(text, seconds):
    assert retry_after(answer(429, retry_after=text)) == timedelta(seconds=seconds)


def test_only_a_429_must_name_a_wait():
    assert retry_after(answer(503)) is None
    assert retry_after(answer(503, retry_after="30")) == timedelta(seconds=30)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=30))
def test_no_header_breaks_the_reading(limit, remaining, reset):
    told = answer(
        202,
        ratelimit_limit=limit,
        ratelimit_remaining=remaining,
        ratelimit_reset=reset,
        retry_after=reset,
    )

    found = allowance(told)
    assert found is None or found.limit <= 10**9
    assert retry_after(told) is None or retry_after(told) >= timedelta(seconds=1)


def test_the_first_number_of_a_limit_counts():
    told = answer(
        202, ratelimit_limit="150, 150;w=60", ratelimit_remaining="149", ratelimit_reset="12"
    )

    found = allowance(told)
    assert (found.limit, found.remaining, found.reset) == (150, 149, timedelta(seconds=12))
    assert allowance(answer(202)) is None


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"data": null}', b"\xff", b"<html>"])
def test_a_job_without_an_id_is_seen(raw):
    assert created_id(answer(202, raw)) == ""
    assert created_id(answer(202, {"data": {"id": "j1"}})) == "j1"


def test_a_key_is_never_shown():
    assert "pk_secret" not in repr(Klaviyo("https://a.klaviyo.com/", "pk_secret"))
