"""What breaks a login to an account, scripted from outside."""

from sandbox.klaviyo import breaking
from sandbox.klaviyo.app import ROUTES
from sandbox.klaviyo.scopes import needed
from tests.sandbox.talk import an_event
from tests.sandbox.test_klaviyo_login import refusal, who
from tests.sandbox.test_klaviyo_schema import description


def status(klaviyo, token):
    return klaviyo.bearing(token, "GET", "accounts").status_code


def test_an_uninstalled_app_is_out_and_the_keys_are_not(klaviyo):
    told = klaviyo.login()

    klaviyo.act("uninstall", account="DEMO01")

    assert who(klaviyo, told["access_token"]) == 401
    assert refusal(klaviyo.refresh(told["refresh_token"]))[:2] == (400, "invalid_grant")
    assert klaviyo.get("accounts").status_code == 200


def test_a_withdrawn_login_takes_the_keys_along_in_its_own_account(klaviyo):
    told = klaviyo.login()

    klaviyo.act("withdraw", account="DEMO01")

    assert who(klaviyo, told["access_token"]) == 401
    assert klaviyo.get("accounts").status_code == 401
    assert klaviyo.call("GET", "accounts", key="pk_other").status_code == 200


def test_tokens_can_be_made_old_without_waiting(klaviyo):
    told = klaviyo.login()

    klaviyo.act("expire")
    assert who(klaviyo, told["access_token"]) == 401
    fresh = klaviyo.refresh(told["refresh_token"]).json()
    assert who(klaviyo, fresh["access_token"]) == "DEMO01"

    klaviyo.act("lapse")
    assert who(klaviyo, fresh["access_token"]) == 401
    assert klaviyo.refresh(fresh["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_permission_is_taken_from_tokens_that_are_out_already(klaviyo):
    told = klaviyo.login()

    klaviyo.act("take_scope", scope="events:write")

    assert klaviyo.bearing(told["access_token"], "POST", "events", an_event()).status_code == 403
    assert klaviyo.refresh(told["refresh_token"]).json()["scope"] == "accounts:read"


def test_html_comes_for_a_while_and_then_no_more(klaviyo, clock):
    told = klaviyo.login()

    klaviyo.act("show_page", seconds=60)
    answers = [
        klaviyo.refresh(told["refresh_token"]),
        klaviyo.oauth("revoke", token=told["refresh_token"]),
        klaviyo.get("accounts"),
    ]

    for answer in answers:
        assert answer.status_code == 403
        assert answer.headers["Content-Type"].startswith("text/html")
    clock.forward(60)
    assert klaviyo.refresh(told["refresh_token"]).status_code == 200


def test_one_html_page_can_be_planned_for_the_token_endpoint(klaviyo):
    told = klaviyo.login()
    klaviyo.script(answer_next=[{"html": True, "match": "/oauth/token"}])

    assert klaviyo.refresh(told["refresh_token"]).status_code == 403
    assert klaviyo.refresh(told["refresh_token"]).status_code == 200


def test_everything_can_be_given_back(klaviyo):
    told = klaviyo.login()
    for verb, asked in (("take_scope", {"scope": "accounts:read"}), ("withdraw", {}),
                        ("show_page", {})):  # fmt: skip
        klaviyo.act(verb, **asked)

    klaviyo.act("give_back")

    assert klaviyo.get("accounts").status_code == 200
    assert who(klaviyo, told["access_token"]) == "DEMO01"


def test_a_script_can_revoke_a_token_by_name(klaviyo):
    told = klaviyo.login()

    klaviyo.script(revoked=[told["access_token"], told["refresh_token"]])

    assert status(klaviyo, told["access_token"]) == 401
    assert klaviyo.refresh(told["refresh_token"]).json()["error"] == "invalid_grant"


def test_nonsense_is_refused_by_the_door_at_the_back(klaviyo):
    for verb, asked in (("take_scope", {"scope": "minds:read"}), ("expire", {"account": "X"})):
        url = f"{klaviyo.server.url}/_sandbox/{verb}"
        assert klaviyo.session.post(url, json=asked, timeout=5).status_code == 400, verb


def test_the_same_verbs_are_there_in_python(klaviyo):
    account = klaviyo.server.accounts["DEMO01"]

    breaking.withdraw(account)
    assert klaviyo.get("accounts").status_code == 401
    breaking.give_back(klaviyo.server, account)
    assert klaviyo.get("accounts").status_code == 200


def test_a_reset_forgets_logins_and_not_keys(klaviyo):
    told = klaviyo.login()

    klaviyo.session.post(f"{klaviyo.server.url}/_sandbox/reset", timeout=5)

    assert who(klaviyo, told["access_token"]) == 401
    assert klaviyo.get("accounts").status_code == 200


def test_every_endpoint_needs_what_klaviyo_says_it_needs():
    told = description()["paths"]
    compared = 0
    for route in ROUTES:
        method, path = route.split(" ")
        kind = "{job_id}" if path.endswith("jobs/{id}") else "{id}"
        if own := told.get(path.replace("{id}", kind), {}).get(method.lower()):
            assert set(needed(route)) == set(own["x-klaviyo-scopes"]), route
            compared += 1
    assert compared > 20
