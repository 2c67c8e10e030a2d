"""What keeps logins alive and known by schedule: few calls, and none where work is the proof."""

import pytest

from integrations import queue, tasks
from integrations.models import Credential, Notice
from integrations.pipeline import login_states, upkeep
from sandbox.messages import Reply
from tests import factories

from .signing import SHOP, calls_to


def renew(clock):
    return upkeep.renew_due(clock=clock, stopping=lambda: False)


def check(clock):
    return upkeep.check_due(clock=clock, stopping=lambda: False)


def test_a_token_is_renewed_before_work_has_to_wait_for_it(account_login, klaviyo_app, clock):
    clock.forward(minutes=54)
    assert renew(clock) == 0
    clock.forward(minutes=2)

    assert renew(clock) == 1
    assert renew(clock) == 0

    assert Credential.objects.get(pk=account_login.pk).expires_at > account_login.expires_at


@pytest.mark.parametrize("which", ["shop_login", "account_login"])
def test_a_login_nobody_uses_outlives_ninety_days(request, transactional_db, clock, which):
    login = request.getfixturevalue(which)
    # Once a week is the least: here nothing says when the token ends, so that nothing else is due.
    Credential.objects.filter(pk=login.pk).update(expires_at=None)

    renewed = 0
    for _ in range(100):
        clock.forward(days=1)
        Credential.objects.filter(pk=login.pk).update(expires_at=None)
        renewed += renew(clock)

    assert 12 <= renewed <= 15
    assert Credential.objects.get(pk=login.pk).state == "active"


def test_an_idle_login_is_looked_at_once_an_hour(shop_login, shops, clock):
    seen = len(calls_to(shops, "graphql.json"))
    for _ in range(24 * 60 // 5):
        clock.forward(minutes=5)
        renew(clock)
        check(clock)

    looks = len(calls_to(shops, "graphql.json")) - seen
    assert 22 <= looks <= 27
    assert len(calls_to(shops, "access_token")) <= 30
    assert Credential.objects.get(pk=shop_login.pk).state == "active"


def test_a_login_in_use_needs_no_look(shop_login, shops, clock):
    seen = len(shops.calls)
    for _ in range(5):
        clock.forward(minutes=50)
        login_states.proven(shop_login, now=clock())
        check(clock)

    assert len(shops.calls) == seen


def test_several_workers_make_one_look(shop_login, shops, clock):
    clock.forward(minutes=56)
    login = Credential.objects.get(pk=shop_login.pk)
    seen = len(calls_to(shops, "graphql.json"))

    check(clock)
    check(clock)

    assert len(calls_to(shops, "graphql.json")) == seen + 1
    assert Credential.objects.get(pk=login.pk).checked_at > login.checked_at


def test_a_broken_login_is_tried_often_at_first_and_then_hourly(shops, clock, merchant):
    store = factories.a_store(factories.an_account(merchant), domain=SHOP, token="shpat_old")
    Credential.objects.exclude(store=store).update(checked_at=clock(), last_success_at=clock())
    check(clock)
    assert Credential.objects.get(store=store).state == "needs_reconnect"

    def looks(minutes):
        before = len(calls_to(shops, "graphql.json"))
        for _ in range(minutes // 2):
            clock.forward(minutes=2)
            check(clock)
        return len(calls_to(shops, "graphql.json")) - before

    assert 8 <= looks(60) <= 12
    clock.forward(days=1)
    assert 1 <= looks(120) <= 3
    assert Notice.objects.filter(key__startswith="login:").count() == 1


def test_a_shop_in_trouble_does_not_keep_the_others_from_being_looked_at(
    shop_login, shops, clock, account_login, klaviyo_app
):
    shops.script.answer_next(Reply(500), match="graphql", times=9)
    clock.forward(minutes=56)

    check(clock)

    assert Credential.objects.get(pk=account_login.pk).last_success_at > account_login.connected_at


def test_a_worker_that_is_asked_to_stop_stops(shop_login, shops, clock):
    clock.forward(minutes=56)
    seen = len(shops.calls)

    upkeep.renew_due(clock=clock, stopping=lambda: True)
    upkeep.check_due(clock=clock, stopping=lambda: True)

    assert len(shops.calls) == seen


def test_the_schedule_is_there_and_its_task_runs(transactional_db):
    assert queue.SCHEDULES[queue.LOGINS] == 1
    tasks.look_after_logins()
