"""Work that says which calls it wants, and goes on with their answers."""

import threading
import time

import pytest

from integrations.pipeline import steps


def sums():
    first = yield [lambda: 1, lambda: 2]
    second = yield [lambda: sum(first)]
    return second[0]


def careful():
    try:
        yield [lambda: 1, refused]
    except ValueError as exc:
        return f"caught {exc}"


def refused():
    raise ValueError("no")


def begun(calls):
    """Make calls elsewhere; returns what was heard of them."""
    heard = []
    done = threading.Event()

    def then(answers, failed):
        heard.append((answers, failed))
        done.set()

    steps.begin(calls, then)
    assert done.wait(5)
    return heard


def test_work_goes_on_with_the_answers_in_their_order():
    assert steps.run(sums()) == 3


def test_what_a_call_raises_reaches_the_work():
    assert steps.run(careful()) == "caught no"


def test_what_the_work_does_not_catch_reaches_whoever_runs_it():
    def work():
        yield [refused]

    with pytest.raises(ValueError, match="no"):
        steps.run(work())


def test_calls_elsewhere_are_made_side_by_side_and_heard_of_once():
    started = time.monotonic()

    heard = begun([lambda n=number: time.sleep(0.1) or n for number in range(10)])

    assert heard == [(list(range(10)), None)]
    assert time.monotonic() - started < 0.9


def test_one_that_fails_is_heard_of_when_all_have_ended():
    ended = []

    [(answers, failed)] = begun([refused, lambda: time.sleep(0.05) or ended.append(1)])

    assert isinstance(failed, ValueError)
    assert ended == [1]
    assert answers[0] is None


def test_nothing_to_call_is_an_answer_too():
    assert begun([]) == [([], None)]
