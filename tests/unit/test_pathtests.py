"""A test of the way never says more than was seen."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.domain.pathtests import PATIENCE, Evidence, Mark, is_running, judge

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WELL = {
    "asked_at": NOON,
    "now": NOON + timedelta(seconds=3),
    "subscribed": 27,
    "wanted": 27,
    "status": 200,
    "milliseconds": 14,
    "received_at": NOON,
    "settled_at": NOON + timedelta(seconds=1),
    "klaviyo_answered": True,
}


def judged(**changes):
    return judge(Evidence(**WELL | changes))


def marks(**changes):
    return [part.mark.value for part in judged(**changes)]


def test_when_everything_was_seen_everything_is_well():
    parts = judged()

    assert {part.mark for part in parts} == {Mark.OK}
    assert [part.text for part in parts][1] == "Accepted in 14 ms."
    assert not is_running(parts)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subscribed": None}, ["bad", "ok", "ok", "ok", "ok"]),
        ({"subscribed": 26}, ["bad", "ok", "ok", "ok", "ok"]),
        (
            {"status": None, "received_at": None, "settled_at": None},
            ["ok", "bad", "bad", "bad", "ok"],
        ),
        (
            {"status": 404, "received_at": None, "settled_at": None},
            ["ok", "bad", "bad", "bad", "ok"],
        ),
        ({"received_at": None, "settled_at": None}, ["ok", "ok", "bad", "bad", "ok"]),
        ({"settled_at": None}, ["ok", "ok", "ok", "waiting", "ok"]),
        ({"settled_at": None, "now": NOON + PATIENCE}, ["ok", "ok", "ok", "bad", "ok"]),
        ({"settled_at": None, "paused": True}, ["ok", "ok", "ok", "kept", "ok"]),
        ({"settled_at": None, "held": True}, ["ok", "ok", "ok", "kept", "ok"]),
        ({"klaviyo_answered": False}, ["ok", "ok", "ok", "ok", "bad"]),
        ({"klaviyo_answered": None}, ["ok", "ok", "ok", "ok", "waiting"]),
    ],
)
def test_what_was_not_seen_is_not_claimed(changes, expected):
    assert marks(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [{"subscribed": 26}, {"status": 404}, {"received_at": None}, {"klaviyo_answered": False}],
)
def test_whatever_is_wrong_comes_with_advice(changes):
    first = next(part for part in judged(**changes) if part.mark is Mark.BAD)
    assert first.advice
