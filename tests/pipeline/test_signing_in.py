"""Signing in at a platform: what counts once, for one browser, and what leads to nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from integrations.models import (
    AuditEntry,
    Authorization,
    Credential,
    KlaviyoAccount,
    Store,
    StoreLane,
)
from integrations.pipeline import authorizing, connections, maintenance, rotation
from integrations.pipeline.authorizing import Refused
from sandbox.messages import Drop, Reply
from sandbox.script import html_forbidden
from tests import factories

from .signing import (
    OTHER_SHOP,
    SHOP,
    allow,
    answer_account,
    answer_shop,
    begin_account,
    begin_shop,
    calls_to,
    changed,
    connected_account,
    connected_shop,
    install,
    press,
)

TOKENS = "/admin/oauth/access_token"


@pytest.fixture
def account(merchant):
    return factories.an_account(merchant, external_id="DEMO01")


def refusal(call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.title
    assert caught.value.advice
    return caught.value


def nothing_is_kept(*, platform="shopify"):
    kept = {"store__isnull": False} if platform == "shopify" else {"kind": "klaviyo_oauth"}
    assert not Credential.objects.filter(**kept).exists()
    assert not AuditEntry.objects.filter(action="credential.connected").exists()
    assert not Authorization.objects.filter(answered_at__isnull=False).exclude(verifier=b"")


# --- Shopify --------------------------------------------------------------------------------------


def test_a_shop_is_connected_with_a_pair_that_renews_itself(shops, account, person, clock):
    begun = begin_shop(account.merchant, person, clock)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    assert asked["redirect_uri"] == "https://console.alpine.shop/connect/shopify/answer/"
    assert "read_all_orders" in asked["scope"].split(",")
    assert "grant_options[]" not in asked, "offline, and not for one person"

    found = answer_shop(install(begun), person, clock)

    store = Store.objects.get()
    assert found.store == store
    assert (store.domain, store.klaviyo_account) == (SHOP, account)
    assert StoreLane.objects.filter(store=store).count() == 4
    login = Credential.objects.get(store=store)
    assert (login.state, login.kind, login.connected_by) == ("active", "shopify_token", person)
    assert login.reveal() in {one.access for one in shops.stores[SHOP].access.tokens}
    assert login.reveal_refresh().startswith("shprt_")
    assert timedelta(minutes=59) < login.expires_at - login.connected_at <= timedelta(hours=1)
    assert "read_orders" in login.scopes
    assert found.authorization.outcome == "connected"
    entry = AuditEntry.objects.get(action="credential.connected")
    assert (entry.actor, entry.role, entry.store) == (person, "owner", store)


def test_only_hashes_of_what_the_browser_carries_are_kept(shops, account, person, clock):
    begun = begin_shop(account.merchant, person, clock)

    state = dict(parse_qsl(urlsplit(begun.url).query))["state"]
    row = Authorization.objects.values().get()
    assert state not in repr(row)
    assert "cookie" not in repr(row)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "made-up"}, "forged"),
        ({"state": ""}, "no_state"),
        ({"hmac": "0" * 64}, "forged"),
        ({"hmac": ""}, "forged"),
        ({"code": "another"}, "forged"),
        ({"shop": OTHER_SHOP}, "forged"),
        ({"shop": "evil.example/alpine-outdoor.myshopify.com"}, "forged"),
        ({"extra": "1"}, "forged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_forged_answer_is_refused_and_does_not_use_the_sign_in_up(
    shops, account, person, clock, change, code
):
    query = install(begin_shop(account.merchant, person, clock))

    assert refusal(lambda: answer_shop(changed(query, **change), person, clock)).code == code
    nothing_is_kept()
    assert not calls_to(shops, TOKENS)
    assert answer_shop(query, person, clock).store.domain == SHOP


def test_a_parameter_that_comes_twice_is_no_answer(shops, account, person, clock):
    query = install(begin_shop(account.merchant, person, clock))

    assert refusal(lambda: answer_shop(f"{query}&shop={SHOP}", person, clock)).code == "forged"


def test_any_of_the_apps_secrets_signs_during_a_rotation(shops, account, person, clock, settings):
    settings.SHOPIFY_APP_SECRETS = ["shpss_demo", "", "shpss_older"]
    shops.app.secret = "shpss_older"
    query = install(begin_shop(account.merchant, person, clock))
    shops.app.secret = "shpss_demo"

    assert answer_shop(query, person, clock).store.domain == SHOP


def test_an_answer_counts_once(shops, account, person, clock):
    query = install(begin_shop(account.merchant, person, clock))
    answer_shop(query, person, clock)

    refused = refusal(lambda: answer_shop(query, person, clock))

    assert (refused.code, refused.authorization.outcome) == ("used", "connected")
    assert len(calls_to(shops, TOKENS)) == 1
    assert Credential.objects.get(store__domain=SHOP).state == "active"


def test_of_two_answers_at_once_one_counts(shops, account, person, clock):
    query = install(begin_shop(account.merchant, person, clock))

    def answer(_):
        try:
            return answer_shop(query, person, clock).store.domain
        except Refused as exc:
            return exc.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(answer, range(4))) == [SHOP, "used", "used", "used"]
    assert len(calls_to(shops, TOKENS)) == 1


@pytest.mark.parametrize("who", ["browser", "person"])
def test_a_sign_in_belongs_to_one_browser_and_person(shops, account, person, clock, who):
    query = install(begin_shop(account.merchant, person, clock))
    other = factories.a_member(account.merchant)
    changes = {"browser": "another"} if who == "browser" else {"by": other}

    assert refusal(lambda: answer_shop(query, person, clock, **changes)).code == "other_browser"
    nothing_is_kept()


def test_whoever_lost_their_access_meanwhile_connects_nothing(shops, account, person, clock):
    query = install(begin_shop(account.merchant, person, clock))
    person.memberships.all().delete()

    assert refusal(lambda: answer_shop(query, person, clock)).code == "not_allowed"
    nothing_is_kept()


def test_a_query_that_is_too_long_is_no_answer(shops, account, person, clock):
    query = "&".join(f"a{number}=1" for number in range(60))

    assert refusal(lambda: answer_shop(query, person, clock)).code == "forged"


def test_a_tab_left_open_for_an_hour_says_so(shops, account, person, clock):
    query = install(begin_shop(account.merchant, person, clock))
    clock.forward(hours=1)

    refused = refusal(lambda: answer_shop(query, person, clock))

    assert refused.code == "expired"
    assert "ten minutes" in refused.message
    nothing_is_kept()


def test_a_declined_request_connects_nothing(shops, account, person, clock):
    query = press(begin_shop(account.merchant, person, clock).url, decision="cancel")

    assert refusal(lambda: answer_shop(query, person, clock)).code == "denied"
    assert Authorization.objects.get().outcome == "denied"
    nothing_is_kept()


def test_an_answer_for_another_shop_names_both(shops, account, person, clock):
    begun = begin_shop(account.merchant, person, clock)
    elsewhere = begun.url.replace(SHOP, OTHER_SHOP)

    refused = refusal(lambda: answer_shop(press(elsewhere, decision="install"), person, clock))

    assert refused.code == "wrong_shop"
    assert SHOP in refused.message
    assert OTHER_SHOP in refused.message
    nothing_is_kept()


def test_the_shop_of_another_business_is_left_alone_before_its_login_could_end(
    shops, account, person, clock
):
    theirs = factories.an_account(factories.a_merchant(name="Valley"), external_id="V1")
    them = factories.a_member(theirs.merchant)
    login = connected_shop(theirs.merchant, them, clock)
    asked = len(calls_to(shops, TOKENS))

    query = install(begin_shop(account.merchant, person, clock))
    refused = refusal(lambda: answer_shop(query, person, clock))

    assert refused.code == "other_merchant"
    assert len(calls_to(shops, TOKENS)) == asked, "a new grant would end theirs"
    assert Store.objects.get().merchant == theirs.merchant
    assert bytes(Credential.objects.get(pk=login.pk).secret) == bytes(login.secret)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Drop.BEFORE, "platform_down"),
        (Drop.AFTER, "platform_down"),
        (Reply(500), "platform_down"),
        (html_forbidden(), "platform_down"),
        (Reply(200, b"<html>"), "platform_down"),
        (Reply(400, {"error": "invalid_request"}), "code_refused"),
        (Reply(400, {"error": "invalid_client"}), "not_configured"),
        (Reply(400, b"<title>400 - Oauth error invalid_request</title>"), "code_refused"),
    ],
    ids=["before", "after", "500", "cloudflare", "no json", "code", "client", "page"],
)
def test_trouble_while_the_code_is_exchanged_changes_nothing(
    shops, account, person, clock, trouble, code
):
    query = install(begin_shop(account.merchant, person, clock))
    shops.script.answer_next(trouble, match="access_token")

    assert refusal(lambda: answer_shop(query, person, clock)).code == code
    nothing_is_kept()
    assert Authorization.objects.get().outcome == code
    again = install(begin_shop(account.merchant, person, clock))
    assert answer_shop(again, person, clock).store.domain == SHOP


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Drop.BEFORE, "platform_down"),
        (Reply(402, {"errors": "Unavailable Shop"}), "not_let_in"),
        (Reply(401, {"errors": "Invalid"}), "not_let_in"),
    ],
    ids=["down", "frozen", "refused"],
)
def test_what_cannot_be_verified_is_not_kept(shops, account, person, clock, trouble, code):
    query = install(begin_shop(account.merchant, person, clock))
    shops.script.answer_next(trouble, match="graphql")

    assert refusal(lambda: answer_shop(query, person, clock)).code == code
    nothing_is_kept()


def test_a_permission_that_is_needed_and_not_given_is_named(shops, account, person, clock):
    shops.app.withheld = ["read_customers"]
    query = install(begin_shop(account.merchant, person, clock))

    refused = refusal(lambda: answer_shop(query, person, clock))

    assert refused.code == "missing_scopes"
    assert "Customers are out of reach: read_customers is missing." in refused.message
    nothing_is_kept()


def test_without_a_permission_that_is_only_wished_for_a_shop_is_connected(
    shops, account, person, clock
):
    shops.app.withheld = ["read_all_orders"]

    login = connected_shop(account.merchant, person, clock)

    assert login.state == "active"
    assert "read_all_orders" not in login.scopes


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "alpine.myshopify.com.evil.example",
        "x@alpine.myshopify.com",
        "alpine.myshopify.com\n",
        "alpine.myshopify.com/admin",
        "",
    ],
)
def test_only_the_name_of_a_shop_is_ever_asked(shops, account, person, clock, name):
    if name.strip() == "alpine.myshopify.com":
        assert begin_shop(account.merchant, person, clock, domain=name).url.count("\n") == 0
        return
    assert refusal(lambda: begin_shop(account.merchant, person, clock, domain=name)).code == (
        "bad_shop_name"
    )


def test_a_console_without_an_app_says_which_setting_is_missing(
    shops, account, person, clock, settings
):
    settings.SHOPIFY_CLIENT_ID = ""

    refused = refusal(lambda: begin_shop(account.merchant, person, clock))

    assert refused.code == "not_configured"
    assert "SHOPIFY_CLIENT_ID" in refused.message


def test_a_shop_needs_an_account_to_feed(shops, merchant, person, clock):
    assert refusal(lambda: begin_shop(merchant, person, clock)).code == "no_account"


def test_a_known_shop_is_not_quietly_kept_on_an_account_that_was_not_chosen(
    shops, account, merchant, person, clock
):
    connected_shop(merchant, person, clock)
    other = factories.an_account(merchant, name="Other", external_id="DEMO02")

    refused = refusal(lambda: begin_shop(merchant, person, clock, account=other))

    assert refused.code == "feeds_another"
    assert account.name in refused.message
    assert SHOP in begin_shop(merchant, person, clock, account=account).url


def test_a_sign_in_under_way_outlives_a_rotation_and_an_abandoned_one_keeps_nothing(
    klaviyo_app, merchant, person, clock, settings
):
    new, old = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old]
    begin_account(merchant, person, clock)
    clock.forward(minutes=11)
    query = allow(begin_account(merchant, person, clock))
    settings.FIELD_ENCRYPTION_KEYS = [new, old]

    rotation.rotate(now=clock())
    settings.FIELD_ENCRYPTION_KEYS = [new]

    assert Authorization.objects.exclude(verifier=b"").count() == 1
    assert answer_account(query, person, clock).account
    begin_account(merchant, person, clock)
    maintenance.prune(now=clock() + timedelta(minutes=11))
    assert not Authorization.objects.exclude(verifier=b"").exists()


def test_a_crash_while_it_is_kept_keeps_nothing(shops, account, person, clock, monkeypatch):
    query = install(begin_shop(account.merchant, person, clock))

    def crash(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(connections.audit, "record", crash)
    with pytest.raises(RuntimeError):
        answer_shop(query, person, clock)

    assert not Store.objects.exists()
    nothing_is_kept()


def test_signing_in_again_renews_the_login_and_writes_down_what_it_was(
    shops, account, person, clock
):
    login = connected_shop(account.merchant, person, clock)
    Credential.objects.filter(pk=login.pk).update(
        state="needs_reconnect", broken_since=clock(), failure_code="401", last_failure="No."
    )

    again = connected_shop(account.merchant, person, clock, store=login.store)

    assert (again.pk, again.state, again.broken_since, again.failure_code) == (
        login.pk,
        "active",
        None,
        "",
    )
    entry = AuditEntry.objects.get(action="credential.reconnected")
    assert (entry.before["state"], entry.after["state"]) == ("needs_reconnect", "active")


# --- Klaviyo --------------------------------------------------------------------------------------


def test_an_account_is_connected_by_signing_in(klaviyo_app, merchant, person, clock):
    begun = begin_account(merchant, person, clock)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert "events:write" in asked["scope"].split(" ")

    found = answer_account(allow(begun), person, clock)

    login = Credential.objects.get(klaviyo_account=found.account)
    assert (found.account.external_id, login.kind, login.state) == (
        "DEMO01",
        "klaviyo_oauth",
        "active",
    )
    [grant] = klaviyo_app.accounts["DEMO01"].logins.grants
    assert login.reveal_refresh() == grant.refresh
    assert login.reveal() in grant.access
    assert not bytes(Authorization.objects.get().verifier), "what has served its end is dropped"


def test_two_attempts_have_two_proofs(klaviyo_app, merchant, person, clock):
    first, second = (
        dict(parse_qsl(urlsplit(begin_account(merchant, person, clock).url).query))
        for _ in range(2)
    )

    assert first["code_challenge"] != second["code_challenge"]
    assert first["state"] != second["state"]


def test_on_reconnect_another_account_is_refused_and_both_are_named(
    klaviyo_app, merchant, person, clock
):
    login = connected_account(merchant, person, clock)
    begun = begin_account(merchant, person, clock, account=login.klaviyo_account)

    refused = refusal(lambda: answer_account(allow(begun, "OTHER2"), person, clock))

    assert refused.code == "other_account"
    assert "DEMO01" in refused.message
    assert "Valley Outfitters (OTHER2)" in refused.message
    assert KlaviyoAccount.objects.count() == 1
    assert bytes(Credential.objects.get().secret) == bytes(login.secret)


def test_an_account_of_another_business_is_refused(klaviyo_app, merchant, person, clock):
    factories.an_account(factories.a_merchant(name="Valley"), external_id="DEMO01")

    query = allow(begin_account(merchant, person, clock))

    assert refusal(lambda: answer_account(query, person, clock)).code == "other_merchant"
    nothing_is_kept(platform="klaviyo")


@pytest.mark.parametrize("named", [True, False], ids=["of a known account", "of whichever"])
def test_the_kind_of_a_live_login_never_changes_silently(
    klaviyo_app, merchant, person, clock, named
):
    account = factories.an_account(merchant, external_id="DEMO01")

    def sign_in(**more):
        chosen = {"account": account} if named else {}
        query = allow(begin_account(merchant, person, clock, **chosen, **more))
        return answer_account(query, person, clock)

    refused = refusal(sign_in)
    assert refused.code == "other_kind"
    assert "different metrics" in refused.message
    assert Credential.objects.get().kind == "klaviyo_key"

    assert sign_in(switch_kind=True).account == account
    assert Credential.objects.get().kind == "klaviyo_oauth"


def test_a_key_does_not_replace_a_sign_in_silently(klaviyo_app, merchant, person, clock):
    login = connected_account(merchant, person, clock)

    def paste(**more):
        return authorizing.connect_key(merchant, key="pk_demo", by=person, now=clock(), **more)

    assert refusal(paste).code == "other_kind"
    assert refusal(lambda: paste(account=login.klaviyo_account)).code == "other_kind"
    assert paste(switch_kind=True) == login.klaviyo_account
    assert Credential.objects.get().kind == "klaviyo_key"
    assert not Credential.objects.get().renews


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Drop.BEFORE, "platform_down"),
        (Reply(503), "platform_down"),
        (html_forbidden(), "platform_down"),
        (Reply(400, {"error": "invalid_grant"}), "code_refused"),
        (Reply(401, {"error": "invalid_client"}), "not_configured"),
    ],
    ids=["before", "503", "cloudflare", "code", "client"],
)
def test_trouble_at_klaviyos_token_endpoint_changes_nothing(
    klaviyo_app, merchant, person, clock, trouble, code
):
    query = allow(begin_account(merchant, person, clock))
    klaviyo_app.script.answer_next(trouble, match="/oauth/token")

    assert refusal(lambda: answer_account(query, person, clock)).code == code
    nothing_is_kept(platform="klaviyo")
    assert not KlaviyoAccount.objects.exists()


def test_a_code_taken_by_somebody_else_is_of_no_use_to_us(klaviyo_app, merchant, person, clock):
    ours, theirs = (allow(begin_account(merchant, person, clock)) for _ in range(2))
    code = dict(parse_qsl(theirs))["code"]

    refused = refusal(lambda: answer_account(changed(ours, code=code), person, clock))

    assert refused.code == "code_refused", "the proof is of another attempt"
    nothing_is_kept(platform="klaviyo")


def test_declining_at_klaviyo_connects_nothing(klaviyo_app, merchant, person, clock):
    query = press(begin_account(merchant, person, clock).url, decision="deny")

    assert refusal(lambda: answer_account(query, person, clock)).code == "denied"
    nothing_is_kept(platform="klaviyo")


# --- a private key --------------------------------------------------------------------------------


def test_a_pasted_key_is_verified_and_kept(klaviyo_app, merchant, person, clock):
    account = authorizing.connect_key(merchant, key="  pk_demo\n", by=person, now=clock())

    login = Credential.objects.get(klaviyo_account=account)
    assert (account.external_id, login.kind, login.reveal()) == ("DEMO01", "klaviyo_key", "pk_demo")
    assert login.connected_by == person


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("pk_wrong", "key_refused"),
        ("", "key_refused"),
        ("pk_demo and more", "key_refused"),
        ("pk_–demo", "key_refused"),
        ("pk_small", "missing_scopes"),
    ],
)
def test_a_key_that_is_not_good_is_not_kept(klaviyo_app, merchant, person, clock, key, code):
    klaviyo_app.accounts["DEMO01"].keys.add("pk_small")
    klaviyo_app.accounts["DEMO01"].key_scopes["pk_small"] = ["events:write"]

    refused = refusal(lambda: authorizing.connect_key(merchant, key=key, by=person, now=clock()))

    assert refused.code == code
    assert not Credential.objects.exists()
    assert not KlaviyoAccount.objects.exists()


def test_the_key_of_another_account_is_refused_and_both_are_named(
    klaviyo_app, merchant, person, clock
):
    account = authorizing.connect_key(merchant, key="pk_demo", by=person, now=clock())

    refused = refusal(
        lambda: authorizing.connect_key(
            merchant, key="pk_other", by=person, now=clock(), account=account
        )
    )

    assert refused.code == "other_account"
    assert "OTHER2" in refused.message
    assert Credential.objects.get().reveal() == "pk_demo"
