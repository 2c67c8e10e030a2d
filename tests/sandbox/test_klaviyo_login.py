"""Signing in to an account: the page a person reads, and the tokens an app fetches."""

import pytest
import requests

from tests.sandbox.talk import (
    CHALLENGE,
    KLAVIYO_CALLBACK,
    VERIFIER,
    an_event,
    sent_back,
)

DAY = 86_400


def who(klaviyo, token):
    answer = klaviyo.bearing(token, "GET", "accounts")
    return answer.json()["data"][0]["id"] if answer.status_code == 200 else answer.status_code


def refusal(answer):
    told = answer.json()
    return answer.status_code, told["error"], told.get("error_description", "")


def test_the_page_names_the_app_and_lets_choose_the_account(klaviyo):
    page = klaviyo.authorize()

    assert page.status_code == 200
    for part in ('<html lang="en">', "Sync Console", "<li>events:write</li>",
                 '<label for="account">Sign in as</label>', 'value="OTHER2"',
                 ">Allow</button>", ">Deny</button>"):  # fmt: skip
        assert part in page.text


@pytest.mark.parametrize("account", ["DEMO01", "OTHER2"])
def test_a_token_belongs_to_the_account_that_signed_in(klaviyo, account):
    told = klaviyo.login(account)

    assert who(klaviyo, told["access_token"]) == account
    assert told["token_type"] == "Bearer"
    assert (told["expires_in"], told["scope"]) == (3600, "accounts:read events:write")


def test_a_key_belongs_to_its_account_and_is_no_token(klaviyo):
    answer = klaviyo.call("GET", "accounts", key="pk_other")

    assert answer.json()["data"][0]["id"] == "OTHER2"
    assert who(klaviyo, "pk_other") == 401


def test_deny_sends_back_a_refusal_with_the_state(klaviyo):
    told = sent_back(klaviyo.authorize("deny"))

    assert (told["error"], told["state"]) == ("access_denied", "abc")
    assert "code" not in told


@pytest.mark.parametrize(
    "changes", [{"client_id": "somebody"}, {"redirect_uri": f"{KLAVIYO_CALLBACK}x"}]
)
def test_an_app_or_address_it_does_not_know_gets_a_page(klaviyo, changes):
    for answer in (klaviyo.authorize(**changes), klaviyo.authorize("allow", **changes)):
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"scope": "minds:read"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_another_fault_is_sent_back(klaviyo, changes, error):
    assert sent_back(klaviyo.authorize(**changes))["error"] == error


def test_a_code_works_once_and_for_five_minutes(klaviyo, clock):
    used, late = (sent_back(klaviyo.authorize("allow"))["code"] for _ in range(2))
    assert klaviyo.exchange(used).status_code == 200

    again = klaviyo.exchange(used)
    clock.forward(300)

    assert refusal(again)[:2] == refusal(klaviyo.exchange(late))[:2] == (400, "invalid_grant")


def test_a_code_needs_its_verifier_and_its_address(klaviyo):
    code = sent_back(klaviyo.authorize("allow"))["code"]

    short = klaviyo.exchange(code, code_verifier="v" * 42)
    wrong = klaviyo.exchange(code, code_verifier="w" * 43)
    elsewhere = klaviyo.exchange(code, redirect_uri="https://else.shop/")

    assert refusal(short) == (400, "invalid_request", 'Invalid "code_verifier"')
    assert refusal(wrong) == (400, "invalid_grant", "Code challenge failed.")
    assert refusal(elsewhere)[:2] == (400, "invalid_grant")
    assert klaviyo.exchange(code, code_verifier=VERIFIER).status_code == 200


def test_a_challenge_that_ends_in_equals_signs_is_none(klaviyo):
    assert sent_back(klaviyo.authorize(code_challenge=f"{CHALLENGE}="))["error"]


def test_the_app_signs_in_with_basic_and_a_form(klaviyo):
    url = f"{klaviyo.server.url}/oauth/token"
    fields = {"grant_type": "refresh_token", "refresh_token": "x"}
    good = ("demo-klaviyo-app", "demo-klaviyo-secret")

    wrong = klaviyo.oauth(secret="guess", **fields)
    bare = klaviyo.session.post(url, data=fields, timeout=5)
    json = klaviyo.session.post(url, json=fields, auth=good, timeout=5)
    other = klaviyo.oauth(grant_type="password")

    assert refusal(wrong)[:2] == refusal(bare)[:2] == (401, "invalid_client")
    assert refusal(json)[:2] == (400, "invalid_request")
    assert refusal(other)[:2] == (400, "unsupported_grant_type")


def test_an_access_token_lasts_an_hour(klaviyo, clock):
    token = klaviyo.login()["access_token"]

    clock.forward(3600)

    answer = klaviyo.bearing(token, "GET", "accounts")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["status"] == 401


def test_a_refresh_rotates_and_the_used_token_is_dead(klaviyo):
    first = klaviyo.login()

    second = klaviyo.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert who(klaviyo, second["access_token"]) == "DEMO01"
    late = klaviyo.refresh(first["refresh_token"])
    assert refusal(late)[:2] == (400, "invalid_grant")


def test_rotation_can_be_switched_off(klaviyo):
    klaviyo.script(rotation=False)
    first = klaviyo.login()

    second = klaviyo.refresh(first["refresh_token"]).json()

    assert second["refresh_token"] == first["refresh_token"]
    assert klaviyo.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_token_dies_of_ninety_idle_days_and_not_of_age(klaviyo, clock):
    token = klaviyo.login()["refresh_token"]

    for _ in range(3):
        clock.forward(60 * DAY)
        token = klaviyo.refresh(token).json()["refresh_token"]
    clock.forward(90 * DAY)

    assert refusal(klaviyo.refresh(token))[:2] == (400, "invalid_grant")


def test_a_revoked_token_ends_the_whole_login(klaviyo):
    told, other = klaviyo.login(), klaviyo.login("OTHER2")

    answer = klaviyo.oauth("revoke", token=told["refresh_token"], token_type_hint="refresh_token")
    again = klaviyo.oauth("revoke", token=told["refresh_token"])
    stranger = klaviyo.oauth("revoke", secret="guess", token=other["refresh_token"])

    assert (answer.status_code, answer.content) == (200, b"")
    assert again.status_code == 200
    assert stranger.status_code == 401
    assert who(klaviyo, told["access_token"]) == 401
    assert klaviyo.refresh(told["refresh_token"]).json()["error"] == "invalid_grant"
    assert who(klaviyo, other["access_token"]) == "OTHER2"


def test_a_call_beyond_the_scopes_is_forbidden_in_json(klaviyo):
    token = klaviyo.login(scope="accounts:read events:read")["access_token"]

    answer = klaviyo.bearing(token, "POST", "events", an_event())

    assert answer.status_code == 403
    [error] = answer.json()["errors"]
    assert (error["status"], error["code"]) == (403, "permission_denied")
    assert "events:write" in error["detail"]
    assert klaviyo.events() == []


def test_a_key_may_have_fewer_scopes(klaviyo):
    klaviyo.server.accounts["DEMO01"].key_scopes = {"pk_demo": ["accounts:read"]}

    assert klaviyo.get("accounts").status_code == 200
    assert klaviyo.get("metrics").status_code == 403
    assert klaviyo.call("GET", "metrics", key="pk_other").status_code == 200


def test_the_app_does_not_use_up_what_the_keys_may_call(klaviyo):
    token = klaviyo.login()["access_token"]

    assert klaviyo.get("accounts").status_code == 200
    assert who(klaviyo, token) == "DEMO01"
    assert klaviyo.get("accounts").status_code == 429


def test_addresses_to_be_sent_back_to_can_be_scripted(klaviyo):
    klaviyo.script(redirect_uris=["https://console.shop/cb"])

    answer = klaviyo.authorize("allow", redirect_uri="https://console.shop/cb")

    assert answer.headers["Location"].startswith("https://console.shop/cb?code=")


def test_a_browser_that_posts_nothing_has_denied(klaviyo):
    url = klaviyo.authorize().url

    answer = requests.post(url, allow_redirects=False, timeout=5)

    assert sent_back(answer)["error"] == "access_denied"
