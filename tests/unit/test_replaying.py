"""What a turn of a replay does: one, ten, the rest, and when it stops by itself."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain import replaying
from integrations.domain.replaying import Done, GoOn, Hold, LetGo, Progress, Stop, Wait, turn
from integrations.domain.replays import Stage


def at(stage=Stage.REST, **changes):
    values = {"waiting": 100, "on_way": 0, "ended": 0, "failed": 0, "rate": 600}
    return Progress(stage=stage, **values | {"most_failures": 20} | changes)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (at(Stage.ONE), 1),
        (at(Stage.TEN), 10),
        (at(Stage.TEN, waiting=4), 4),
        (at(Stage.TEN, ended=3, on_way=2), 5),
        (at(Stage.REST), 20),
        (at(Stage.REST, rate=60_000, waiting=10**6), replaying.MOST_A_TURN),
        (at(Stage.REST, rate=1), 1),
        (at(Stage.REST, on_way=595), 5),
    ],
)
def test_how_many_go(progress, expected):
    decision = turn(progress)

    assert isinstance(decision, LetGo)
    assert decision.number == expected


def test_the_rest_goes_at_its_rate():
    assert turn(at(rate=6)).then == timedelta(seconds=10)
    assert turn(at(rate=600)).then == timedelta(seconds=2)
    assert turn(at(on_way=600)) == Wait(replaying.PACE, Hold.AHEAD)


def test_a_stage_that_went_well_leads_to_the_next():
    assert turn(at(Stage.ONE, ended=1)) == GoOn(Stage.TEN)
    assert turn(at(Stage.TEN, ended=10, failed=2)) == GoOn(Stage.REST)
    assert turn(at(Stage.ONE, on_way=1)) == Wait(replaying.LOOK_AGAIN, Hold.RESULTS)


@pytest.mark.parametrize(
    "progress",
    [
        at(Stage.ONE, ended=1, failed=1),
        # Whatever the others come to.
        at(Stage.TEN, ended=3, on_way=7, failed=3),
        at(Stage.REST, ended=20, failed=5),
        at(Stage.REST, ended=5, failed=5),
        at(Stage.REST, ended=1000, failed=201),
    ],
)
def test_too_many_failures_stop_it(progress):
    assert isinstance(turn(progress), Stop)


def test_a_few_failures_of_a_few_say_nothing_yet():
    assert isinstance(turn(at(Stage.REST, ended=4, failed=4)), LetGo)
    assert isinstance(turn(at(Stage.ONE, ended=1, failed=1, most_failures=100)), GoOn)


def test_it_is_done_when_nothing_waits_or_is_on_its_way_however_it_ended():
    assert turn(at(waiting=0, ended=5, failed=5)) == Done()
    assert isinstance(turn(at(waiting=0, on_way=1)), Wait)


@given(
    st.builds(
        Progress,
        stage=st.sampled_from(Stage),
        waiting=st.integers(0, 10**6),
        on_way=st.integers(0, 10**4),
        ended=st.integers(0, 10**6),
        failed=st.integers(0, 10**4),
        rate=st.integers(-5, 10**6),
        most_failures=st.integers(0, 100),
    )
)
def test_a_turn_never_lets_more_go_than_wait_and_never_stands_still(progress):
    match turn(progress):
        case LetGo(number=number, then=then):
            assert 1 <= number <= min(progress.waiting, replaying.MOST_A_TURN)
            assert then > timedelta()
        case Wait(span=span):
            assert progress.on_way
            assert span > timedelta()
        case Done():
            assert progress.waiting == progress.on_way == 0
        case Stop():
            assert progress.waiting
            assert progress.failed
        case GoOn(stage=stage):
            assert stage != progress.stage
