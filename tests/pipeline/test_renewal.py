"""Renewing a login: once for everybody, as a pair, and harmless when it goes wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from integrations.domain.failures import FailureKind, PlatformError
from integrations.models import AuditEntry, Credential, KlaviyoAccount, Notice
from integrations.pipeline import logins, renewal, rotation
from sandbox.messages import Drop, Reply
from sandbox.script import html_forbidden

from .signing import SHOP, calls_to

SHOP_TOKENS, ACCOUNT_TOKENS = "/admin/oauth/access_token", "/oauth/token"


@pytest.fixture(params=["shopify", "klaviyo"])
def side(request, transactional_db):
    """A login of either platform, its server, and the end of its token endpoint."""
    if request.param == "shopify":
        login = request.getfixturevalue("shop_login")
        return login, request.getfixturevalue("shops"), SHOP_TOKENS
    login = request.getfixturevalue("account_login")
    return login, request.getfixturevalue("klaviyo_app"), ACCOUNT_TOKENS


def use(login, now):
    """Whatever uses the login next."""
    if login.store:
        return logins.shopify(login.store, now=now)
    return logins.klaviyo(login.klaviyo_account, now=now)


def test_a_door_is_opened_with_a_token_that_is_not_about_to_end(side, clock):
    login, server, path = side
    clock.forward(minutes=58)
    use(login, clock())
    assert len(calls_to(server, path)) == 1

    clock.forward(minutes=1, seconds=30)
    use(login, clock())

    assert len(calls_to(server, path)) == 2
    renewed = Credential.objects.get(pk=login.pk)
    assert renewed.reveal() != login.reveal()
    assert renewed.expires_at > clock() + timedelta(minutes=59)
    assert renewed.refreshing_until is None
    use(login, clock())
    assert len(calls_to(server, path)) == 2


def test_many_who_need_it_at_once_make_one_call(side, clock):
    login, server, path = side
    clock.forward(minutes=61)
    server.script.delay = 0.3

    def one(_):
        try:
            use(login, clock())
            return Credential.objects.get(pk=login.pk).reveal()
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as threads:
        found = set(threads.map(one, range(5)))

    assert len(found) == 1
    assert len(calls_to(server, path)) == 2, "one to sign in, and one to renew"


def test_while_somebody_renews_a_token_that_still_works_is_used(side, clock):
    login, server, path = side
    clock.forward(minutes=59, seconds=10)
    Credential.objects.filter(pk=login.pk).update(refreshing_until=clock() + timedelta(seconds=15))
    started = time.monotonic()

    use(login, clock())

    assert time.monotonic() - started < 1
    assert len(calls_to(server, path)) == 1


@pytest.mark.parametrize(("ahead", "calls"), [(25, 1), (600, 2)], ids=["a little", "far"])
def test_a_claim_by_a_clock_ahead_of_ours_counts_unless_it_went_wrong(side, clock, ahead, calls):
    login, server, path = side
    clock.forward(minutes=59, seconds=10)
    Credential.objects.filter(pk=login.pk).update(
        refreshing_until=clock() + timedelta(seconds=ahead)
    )

    use(login, clock())

    assert len(calls_to(server, path)) == calls


def test_a_claim_of_somebody_who_died_runs_out(side, clock):
    login, server, path = side
    clock.forward(minutes=61)
    Credential.objects.filter(pk=login.pk).update(refreshing_until=clock())
    clock.forward(seconds=1)

    use(login, clock())

    assert len(calls_to(server, path)) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        Drop.BEFORE,
        Reply(500),
        Reply(429, headers={"Retry-After": "2"}),
        html_forbidden(),
        Reply(200, b"<html>"),
    ],
    ids=["no answer", "500", "429", "cloudflare", "no json"],
)
def test_what_passes_changes_nothing_and_a_later_try_succeeds(side, clock, trouble):
    login, server, path = side
    clock.forward(minutes=61)
    server.script.answer_next(trouble, match=path)

    with pytest.raises(PlatformError) as caught:
        use(login, clock())

    assert caught.value.failure.kind is not FailureKind.AUTH
    same = Credential.objects.get(pk=login.pk)
    assert (same.state, same.broken_since, same.refreshing_until) == ("active", None, None)
    assert bytes(same.refresh_secret) == bytes(login.refresh_secret)
    assert not Notice.objects.exists()
    use(login, clock())
    assert Credential.objects.get(pk=login.pk).reveal() != login.reveal()


def test_a_lost_answer_of_shopify_is_asked_for_again_with_the_same_token(shop_login, shops, clock):
    clock.forward(minutes=61)
    shops.script.answer_next(Drop.AFTER, match="access_token")
    with pytest.raises(PlatformError):
        use(shop_login, clock())

    use(shop_login, clock())

    renewed = Credential.objects.get(pk=shop_login.pk)
    assert renewed.state == "active"
    assert shops.stores[SHOP].access.opens(renewed.reveal(), clock().timestamp())


@pytest.mark.parametrize("rotation_on", [True, False], ids=["rotating", "staying"])
def test_whichever_refresh_token_klaviyo_returns_is_the_one_that_is_kept(
    account_login, klaviyo_app, clock, rotation_on
):
    klaviyo_app.settings.rotation = rotation_on
    for _ in range(3):
        clock.forward(minutes=61)
        use(account_login, clock())

    kept = Credential.objects.get(pk=account_login.pk)
    [grant] = klaviyo_app.accounts["DEMO01"].logins.grants
    assert kept.reveal_refresh() == grant.refresh
    assert (kept.reveal_refresh() == account_login.reveal_refresh()) is not rotation_on


def test_where_no_refresh_token_is_returned_the_old_one_stays(account_login, klaviyo_app, clock):
    clock.forward(minutes=61)
    answer = {"access_token": "at-new", "expires_in": 3600, "token_type": "Bearer"}
    klaviyo_app.script.answer_next(Reply(200, answer), match=ACCOUNT_TOKENS)

    use(account_login, clock())

    kept = Credential.objects.get(pk=account_login.pk)
    assert kept.reveal() == "at-new"
    assert kept.reveal_refresh() == account_login.reveal_refresh()
    assert kept.scopes == account_login.scopes


def test_an_answer_without_an_end_is_taken_as_one(shop_login, shops, clock):
    clock.forward(minutes=61)
    answer = {"access_token": "shpat_new", "scope": "read_orders", "refresh_token": "shprt_new"}
    shops.script.answer_next(Reply(200, answer), match="access_token")

    use(shop_login, clock())

    kept = Credential.objects.get(pk=shop_login.pk)
    assert (kept.reveal(), kept.reveal_refresh(), kept.expires_at) == (
        "shpat_new",
        "shprt_new",
        None,
    )
    clock.forward(hours=5)
    use(shop_login, clock())
    assert len(calls_to(shops, SHOP_TOKENS)) == 2


def test_dying_between_answer_and_commit_leaves_the_old_pair_usable(
    shop_login, shops, clock, monkeypatch
):
    clock.forward(minutes=61)

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Credential, "save", _dies_with_a_pair(Credential.save, die))
        with pytest.raises(Killed):
            use(shop_login, clock())
    same = Credential.objects.get(pk=shop_login.pk)
    assert bytes(same.refresh_secret) == bytes(shop_login.refresh_secret)
    assert bytes(same.secret) == bytes(shop_login.secret)

    clock.forward(seconds=21)
    use(shop_login, clock())

    renewed = Credential.objects.get(pk=shop_login.pk)
    assert shops.stores[SHOP].access.opens(renewed.reveal(), clock().timestamp())


def _dies_with_a_pair(save, die):
    def instead(self, *args, **kwargs):
        if kwargs.get("update_fields") == ["refreshing_until"]:
            return save(self, *args, **kwargs)
        save(self, *args, **kwargs)
        return die()

    return instead


def test_a_login_that_was_replaced_meanwhile_keeps_what_replaced_it(
    shop_login, shops, clock, monkeypatch
):
    clock.forward(minutes=61)
    ask = renewal._ask

    def slow(login):
        grant = ask(login)
        row = Credential.objects.get(pk=login.pk)
        row.keep("shpat_newer", "shprt_newer")
        row.save()
        return grant

    monkeypatch.setattr(renewal, "_ask", slow)
    renewal.refresh(shop_login.pk, now=clock())

    assert Credential.objects.get(pk=shop_login.pk).reveal() == "shpat_newer"


def test_keys_may_be_rotated_while_a_login_is_renewed(shop_login, shops, clock, monkeypatch):
    clock.forward(minutes=61)
    ask = renewal._ask

    def slow(login):
        grant = ask(login)
        rotation.rotate(now=clock())
        row = Credential.objects.get(pk=login.pk)
        row.keep(row.reveal(), row.reveal_refresh())
        row.save()
        return grant

    monkeypatch.setattr(renewal, "_ask", slow)
    renewal.refresh(shop_login.pk, now=clock())

    kept = Credential.objects.get(pk=shop_login.pk)
    assert shops.stores[SHOP].access.opens(kept.reveal(), clock().timestamp())


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (Reply(400, {"error": "invalid_grant"}), "needs_reconnect", "invalid_grant"),
        (Reply(401, {"error": "invalid_client"}), "needs_reconnect", "invalid_client"),
        (Reply(400, {"error": "invalid_request"}), "needs_reconnect", "invalid_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_last_word_is_one_state_one_entry_and_one_notice(side, clock, answer, state, code):
    login, server, path = side
    clock.forward(minutes=61)
    server.script.answer_next(answer, match=path, times=9)

    for _ in range(3):
        with pytest.raises(PlatformError) as caught:
            use(login, clock())
        assert caught.value.failure.kind is FailureKind.AUTH

    row = Credential.objects.get(pk=login.pk)
    assert (row.state, row.failure_code) == (state, code)
    assert row.broken_since is not None
    assert len(calls_to(server, path)) == 2, "it is not asked in vain"
    entry = AuditEntry.objects.get(action="credential.broken")
    assert (entry.before, entry.after) == ({"state": "active"}, {"state": state, "code": code})
    notice = Notice.objects.get()
    assert "does not work" in notice.subject
    assert "Nothing is lost." in notice.body
    if login.klaviyo_account:
        assert KlaviyoAccount.objects.get(pk=login.klaviyo_account.pk).held_since is not None


def page(slug):
    body = f"<html><head><title>400 - Oauth error {slug}</title></head></html>".encode()
    return Reply(400, body, media_type="text/html")


@pytest.mark.parametrize(
    ("slug", "state"),
    [
        ("app_not_installed", "revoked"),
        ("application_cannot_be_found", "needs_reconnect"),
        ("shop_not_permitted", "suspended"),
        ("invalid_request", "active"),
    ],
)
def test_a_page_of_shopify_is_read_by_its_title(shop_login, shops, clock, slug, state):
    clock.forward(minutes=61)
    shops.script.answer_next(page(slug), match="access_token")

    with pytest.raises(PlatformError):
        use(shop_login, clock())

    row = Credential.objects.get(pk=shop_login.pk)
    assert row.state == state
    assert row.failure_code == (slug if state != "active" else "")


def test_settings_that_are_incomplete_are_not_the_logins_fault(side, clock, settings):
    login, server, path = side
    settings.SHOPIFY_CLIENT_ID = settings.KLAVIYO_CLIENT_ID = ""
    clock.forward(minutes=61)

    with pytest.raises(PlatformError) as caught:
        use(login, clock())

    assert caught.value.failure.code == "not_configured"
    assert Credential.objects.get(pk=login.pk).state == "active"
    assert len(calls_to(server, path)) == 1
