from datetime import timedelta

import pytest

from integrations.domain.storestates import (
    Facts,
    Login,
    Reconnect,
    Remedy,
    StoreState,
    diagnose,
)
from integrations.domain.verdicts import LATE, SWEEP_SILENCE, Word, is_outage
from tests.factories import NOON

MINUTE = timedelta(minutes=1)
WELL = {
    "now": NOON,
    "last_received_at": NOON - MINUTE,
    "last_delivered_at": NOON - MINUTE,
    "workers_seen_at": NOON,
}


def state(**changes) -> StoreState:
    return diagnose(Facts(**WELL | changes)).state


def test_a_store_whose_messages_are_all_dealt_with_is_working():
    found = diagnose(Facts(**WELL))

    assert found.state is StoreState.WORKING
    assert found.since == NOON - MINUTE
    assert not found.steps


def test_failed_records_alone_never_make_a_store_anything_but_working():
    assert state(failed_records=10_000) is StoreState.WORKING


def test_a_store_that_never_sent_anything_is_being_set_up():
    assert state(last_received_at=None, last_delivered_at=None) is StoreState.SETTING_UP


BROKEN = ["needs_reconnect", "missing_scopes", "revoked", "suspended", "unreadable"]


@pytest.mark.parametrize("login", [*BROKEN, None])
def test_a_login_at_klaviyo_that_does_not_work_needs_a_person(login):
    found = diagnose(Facts(**WELL | {"account_login": login and Login(login)}))

    assert found.state is StoreState.NEEDS_YOU
    assert found.remedy is Remedy.RECONNECT_ACCOUNT
    assert found.steps
    assert found.button


def test_an_account_that_is_held_needs_a_person_and_says_since_when():
    found = diagnose(Facts(**WELL | {"held_since": NOON - MINUTE}))

    assert (found.state, found.since) == (StoreState.NEEDS_YOU, NOON - MINUTE)
    assert found.sentence == "Klaviyo does not let us in."


@pytest.mark.parametrize("login", BROKEN)
def test_a_shop_login_that_does_not_work_needs_a_person(login):
    assert state(store_login=Login(login)) is StoreState.NEEDS_YOU


def test_each_fault_of_a_login_has_a_sentence_of_its_own():
    found = {diagnose(Facts(**WELL | {"store_login": Login(one)})).sentence for one in BROKEN}

    assert len(found) == len(BROKEN)


def test_a_shop_whose_app_was_removed_may_have_fallen_silent():
    gone = diagnose(Facts(**WELL | {"store_login": Login("revoked", "app/uninstalled", NOON)}))

    assert gone.sentence == "Our app was removed from the shop."
    assert "may not arrive" in gone.meaning
    assert (gone.remedy, gone.button, gone.since) == (Remedy.RECONNECT_SHOP, "Reconnect", NOON)


def test_a_closed_shop_is_not_helped_by_signing_in():
    closed = diagnose(Facts(**WELL | {"store_login": Login("suspended", "402")}))

    assert "bill" in closed.sentence
    assert closed.remedy is Remedy.CONNECTION


@pytest.mark.parametrize("of_account", [True, False])
def test_a_reconnect_that_was_left_says_who_began_it_and_how_to_go_on(of_account):
    begun = Reconnect(NOON, "mara@alpine-demo.shop", of_account=of_account)
    found = diagnose(Facts(**WELL | {"reconnect": begun, "paused_at": NOON}))

    assert found.state is StoreState.NEEDS_YOU
    assert "mara@alpine-demo.shop" in found.sentence
    assert found.button == "Go on"
    assert found.remedy.value.endswith("account" if of_account else "shop")


def test_a_shop_without_a_login_still_delivers_what_it_sends():
    assert state(store_login=None) is StoreState.WORKING


def test_a_pause_is_a_decision_and_goes_before_everything_else():
    assert state(paused_at=NOON, held_since=NOON, workers_seen_at=None) is StoreState.PAUSED


@pytest.mark.parametrize("seen", [None, NOON - SWEEP_SILENCE - timedelta(seconds=1)])
def test_silent_workers_are_our_own_outage(seen):
    assert is_outage(seen, NOON)
    found = diagnose(Facts(**WELL | {"workers_seen_at": seen}))
    assert found.state is StoreState.WORKING_ON_IT
    assert "our own" in found.sentence.lower()


def test_workers_seen_a_moment_ago_are_no_outage():
    assert not is_outage(NOON - SWEEP_SILENCE, NOON)


def test_a_broken_login_is_shown_even_during_our_own_outage():
    assert state(workers_seen_at=None, account_login=Login("revoked")) is StoreState.NEEDS_YOU


def test_after_a_failed_delivery_we_say_when_the_next_try_is():
    found = diagnose(
        Facts(
            **WELL
            | {
                "oldest_waiting_at": NOON - MINUTE,
                "not_before": NOON + MINUTE,
                "failures": 2,
            }
        )
    )

    assert (found.state, found.until) == (StoreState.WORKING_ON_IT, NOON + MINUTE)
    assert "did not take" in found.sentence


def test_a_long_wait_that_klaviyo_asked_for_is_named():
    found = diagnose(
        Facts(**WELL | {"oldest_waiting_at": NOON, "not_before": NOON + timedelta(minutes=5)})
    )

    assert found.state is StoreState.WORKING_ON_IT
    assert "slow down" in found.sentence


def test_a_wait_of_a_second_is_part_of_a_normal_day():
    waiting = {"oldest_waiting_at": NOON, "not_before": NOON + timedelta(seconds=1)}

    assert state(**waiting) is StoreState.WORKING


@pytest.mark.parametrize("wait", [{"not_before": NOON + MINUTE, "failures": 3}])
def test_a_wait_with_nothing_to_deliver_is_not_worth_mentioning(wait):
    assert state(**wait) is StoreState.WORKING


@pytest.mark.parametrize(
    ("lease_until", "words"), [(NOON + MINUTE, "right now"), (NOON - MINUTE, "oldest goes next")]
)
def test_a_backlog_older_than_five_minutes_is_late(lease_until, words):
    found = diagnose(
        Facts(
            **WELL
            | {
                "oldest_waiting_at": NOON - LATE,
                "last_progress_at": NOON,
                "lease_until": lease_until,
            }
        )
    )

    assert found.state is StoreState.WORKING_ON_IT
    assert words in found.doing


def test_messages_that_just_came_are_on_their_way():
    assert "on their way" in diagnose(Facts(**WELL | {"oldest_waiting_at": NOON})).sentence


def test_a_store_whose_messages_need_nothing_sent_does_not_claim_a_delivery():
    found = diagnose(Facts(**WELL | {"last_delivered_at": None}))

    assert (found.state, found.verdict.word) == (StoreState.SETTING_UP, Word.NOT_STARTED)
    assert "None of them" in found.sentence


def test_every_state_has_a_label():
    assert len({one.label for one in StoreState}) == len(StoreState)
