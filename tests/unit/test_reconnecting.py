"""A reconnect can be left and taken up again at any moment, or it is over."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.reconnecting import (
    CLOSED,
    STAMPS,
    Progress,
    Step,
    Verb,
    is_soft,
    may,
    step,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REST = timedelta(seconds=60)


def do(progress: Progress, verb: Verb, now: datetime) -> Progress:
    """What the verbs leave behind, each at most once and only where it may."""
    if not may(progress, verb, now=now) or verb not in STAMPS:
        return progress
    changes = {STAMPS[verb]: getattr(progress, STAMPS[verb]) or now}
    if verb is Verb.LET_GO:
        changes |= {"rest_until": now + REST, "login_works": False}
    return msgspec.structs.replace(progress, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Step.PAUSE),
        ({"paused_at": NOON}, Step.LET_GO),
        ({"paused_at": NOON, "login_works": False}, Step.SIGN_IN),
        (
            {"paused_at": NOON, "disconnected_at": NOON, "rest_until": NOON + REST},
            Step.REST,
        ),
        ({"paused_at": NOON, "disconnected_at": NOON, "rest_until": NOON}, Step.SIGN_IN),
        ({"authorized_at": NOON}, Step.VERIFY),
        ({"authorized_at": NOON, "verified_at": NOON}, Step.SUBSCRIBE),
        ({"authorized_at": NOON, "verified_at": NOON, "sends_messages": False}, Step.RELEASE),
        ({"authorized_at": NOON, "verified_at": NOON, "subscribed_at": NOON}, Step.RELEASE),
        ({"released_at": NOON}, Step.DONE),
        ({"authorized_at": NOON, "cancelled_at": NOON}, Step.GIVEN_UP),
    ],
)
def test_the_times_say_where_it_stands(changes, expected):
    assert step(Progress(**{"login_works": True} | changes), now=NOON) is expected


def test_a_login_that_is_dead_already_is_not_let_go_and_needs_no_rest():
    dead = Progress(login_works=False, paused_at=NOON)

    assert is_soft(dead)
    assert not may(dead, Verb.LET_GO, now=NOON)
    assert may(dead, Verb.SIGN_IN, now=NOON)


def test_during_the_rest_nobody_signs_in_but_anybody_may_give_up():
    resting = Progress(
        login_works=False, paused_at=NOON, disconnected_at=NOON, rest_until=NOON + REST
    )

    assert not may(resting, Verb.SIGN_IN, now=NOON + REST - timedelta(seconds=1))
    assert may(resting, Verb.GIVE_UP, now=NOON)
    assert may(resting, Verb.SIGN_IN, now=NOON + REST)


def test_where_the_new_login_does_not_work_one_may_sign_in_again():
    assert may(Progress(login_works=True, authorized_at=NOON), Verb.SIGN_IN, now=NOON)


moves = st.lists(
    st.tuples(st.sampled_from([*Verb]), st.integers(0, 90), st.booleans()), max_size=30
)


@given(st.booleans(), st.booleans(), moves)
def test_whatever_was_done_in_any_order_it_is_over_or_can_go_on(works, sends, done):
    progress, now = Progress(login_works=works, sends_messages=sends), NOON
    for verb, seconds, login_changes in done:
        progress, now = do(progress, verb, now), now + timedelta(seconds=seconds)
        if login_changes:  # it died, or healed, by itself
            progress = msgspec.structs.replace(progress, login_works=not progress.login_works)

    here = step(progress, now=now)
    if here in CLOSED:
        assert not [verb for verb in Verb if may(progress, verb, now=now)]
        return
    assert may(progress, Verb.GIVE_UP, now=now)
    for _ in range(8):
        now += REST
        here = step(progress, now=now)
        verb = Verb.SIGNED_IN if here is Step.SIGN_IN else Verb(here) if here in {*Verb} else None
        if verb is None:
            break
        progress = do(progress, verb, now)
    assert step(progress, now=now) is Step.DONE


@given(moves)
def test_a_step_that_is_behind_it_stays_behind_it(done):
    progress, now = Progress(login_works=True), NOON
    for verb, seconds, _ in done:
        before = progress
        progress, now = do(progress, verb, now), now + timedelta(seconds=seconds)
        for name in STAMPS.values():
            if getattr(before, name):
                assert getattr(progress, name) == getattr(before, name)
