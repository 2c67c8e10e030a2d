"""Signing in to a shop: the page a merchant reads, and the tokens an app fetches."""

import hashlib
import hmac
from urllib.parse import quote

import pytest

from tests.sandbox.talk import SHOPIFY_CALLBACK, sent_back

SHOP = "{ shop { name } }"
ORDERS = "{ orders(first: 1) { nodes { id } } }"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
DAY = 86_400


def opens(shopify, token):
    return shopify.query(SHOP, token=token).status_code == 200


def refresh(shopify, token):
    return shopify.token(grant_type="refresh_token", refresh_token=token)


def migrate(shopify, token, **changes):
    fields = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": OFFLINE,
              "requested_token_type": OFFLINE, "expiring": "1", **changes}  # fmt: skip
    return shopify.token(**fields)


def test_the_page_names_app_shop_and_scopes_and_has_two_buttons(shopify):
    page = shopify.authorize()

    assert page.status_code == 200
    for part in ('<html lang="en">', "<h1>Install Sync Console?</h1>", shopify.domain,
                 "<li>read_orders</li>", ">Install</button>", ">Cancel</button>"):  # fmt: skip
        assert part in page.text


def test_install_sends_back_a_code_signed_with_the_secret(shopify, clock):
    told = sent_back(shopify.authorize("install", state="a b&c"))

    signature = told.pop("hmac")
    pairs = "&".join(f"{name}={quote(told[name])}" for name in sorted(told))
    assert signature == hmac.new(b"shpss_demo", pairs.encode(), hashlib.sha256).hexdigest()
    assert set(told) == {"code", "host", "shop", "state", "timestamp"}
    assert (told["shop"], told["state"]) == (shopify.domain, "a b&c")
    assert told["timestamp"] == str(int(clock()))


def test_cancel_sends_back_a_signed_refusal(shopify):
    told = sent_back(shopify.authorize("cancel"))

    assert told["error"] == "access_denied"
    assert "code" not in told
    assert told["hmac"]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"client_id": "somebody-else"}, "application_cannot_be_found"),
        ({"redirect_uri": f"{SHOPIFY_CALLBACK}x"}, "invalid_request"),
        ({"scope": "read_orders,read_minds"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_a_wrong_request_gets_a_page_and_no_redirect(shopify, changes, slug):
    page = shopify.authorize(**changes)
    pressed = shopify.authorize("install", **changes)

    assert page.status_code == pressed.status_code == 400
    assert f"<title>400 - Oauth error {slug}</title>" in page.text


def test_a_shop_that_is_not_here_has_no_page(shopify):
    url = f"{shopify.server.url}/nobody.myshopify.com/admin/oauth/authorize"

    assert shopify.session.get(url, timeout=5).status_code == 404


def test_a_code_becomes_an_expiring_pair(shopify, clock):
    told = shopify.login()

    assert told["access_token"].startswith("shpat_")
    assert told["refresh_token"].startswith("shprt_")
    assert (told["expires_in"], told["refresh_token_expires_in"]) == (3600, 90 * DAY)
    assert told["scope"] == "read_orders,read_products"
    assert opens(shopify, told["access_token"])
    clock.forward(3600)
    assert not opens(shopify, told["access_token"])


def test_without_expiring_the_token_lasts_and_is_the_same_each_time(shopify, clock):
    shopify.server.stores[shopify.domain].access.withdraw()

    first, second = shopify.login(expiring=False), shopify.login(expiring=False)

    assert set(first) == {"access_token", "scope"}
    assert first == second
    clock.forward(400 * DAY)
    assert opens(shopify, first["access_token"])


def test_a_script_that_revokes_a_token_gets_another_one_next_time(shopify):
    shopify.script(revoked=["shpat_demo"])

    fresh = shopify.login(expiring=False)["access_token"]

    assert fresh != "shpat_demo"
    assert opens(shopify, fresh)


def test_the_token_endpoint_takes_json_too(shopify):
    url = f"{shopify.server.url}/{shopify.domain}/admin/oauth/access_token"
    asked = {"client_id": "demo-app", "client_secret": "shpss_demo", "expiring": 1,
             "code": shopify.code()}  # fmt: skip

    assert "refresh_token" in shopify.session.post(url, json=asked, timeout=5).json()
    assert shopify.session.post(url, data="{", timeout=5).status_code == 400
    assert shopify.session.get(url, timeout=5).status_code == 404


def test_an_online_token_names_its_user_and_cannot_be_refreshed(shopify, clock):
    told = shopify.login(**{"grant_options[]": "per-user"})

    assert told["associated_user_scope"] == told["scope"]
    assert "email" in told["associated_user"]
    assert told["expires_in"] == 86_399
    assert "refresh_token" not in told
    clock.forward(86_400)
    assert not opens(shopify, told["access_token"])


def test_a_code_works_once_and_not_for_long(shopify, clock):
    used, late = shopify.code(), shopify.code()
    shopify.token(code=used)

    again = shopify.token(code=used)
    clock.forward(301)

    for answer in (again, shopify.token(code=late), shopify.token(code="made up")):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_wrong_secret_is_json_and_a_wrong_app_is_a_page(shopify):
    secret = shopify.token(client_secret="guess", code=shopify.code())
    app = shopify.token(client_id="somebody-else", code=shopify.code())
    kind = shopify.token(grant_type="password")
    own = shopify.token(grant_type="client_credentials")

    assert (secret.status_code, secret.json()["error"]) == (400, "invalid_client")
    assert "400 - Oauth error application_cannot_be_found" in app.text
    assert kind.json()["error"] == "unsupported_grant_type"
    assert "400 - Oauth error shop_not_permitted" in own.text


def test_a_scope_the_app_is_not_approved_for_is_asked_in_vain(shopify):
    shopify.server.app.withheld = ["read_all_orders"]

    told = shopify.login(scope="read_orders,read_all_orders")

    assert told["scope"] == "read_orders"


def test_a_scope_that_another_implies_is_not_listed(shopify):
    told = shopify.login(scope="read_products,write_products,read_orders")

    assert told["scope"] == "write_products,read_orders"
    answer = shopify.query("{ productsCount { count } }", token=told["access_token"]).json()
    assert answer["data"]["productsCount"]["count"]


def test_a_refresh_gives_another_pair_and_a_lost_answer_can_be_asked_for_again(shopify):
    first = shopify.login()

    second = refresh(shopify, first["refresh_token"]).json()
    third = refresh(shopify, first["refresh_token"]).json()

    tokens = {one[name] for one in (first, second, third)
              for name in ("access_token", "refresh_token")}  # fmt: skip
    assert len(tokens) == 6
    assert opens(shopify, third["access_token"])


def test_using_the_new_refresh_token_ends_the_old_one(shopify):
    first = shopify.login()
    second = refresh(shopify, first["refresh_token"]).json()
    refresh(shopify, second["refresh_token"])

    late = refresh(shopify, first["refresh_token"])

    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


def test_a_used_refresh_token_can_be_used_again_for_thirty_days(shopify, clock):
    first = shopify.login()
    clock.forward(10 * DAY)
    refresh(shopify, first["refresh_token"])

    clock.forward(29 * DAY)
    assert refresh(shopify, first["refresh_token"]).status_code == 200
    clock.forward(1 * DAY)
    assert refresh(shopify, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_lasts_ninety_days_and_another_login_ends_it(shopify, clock):
    first = shopify.login()
    second = shopify.login()

    assert refresh(shopify, first["refresh_token"]).json()["error"] == "invalid_grant"
    clock.forward(90 * DAY)
    assert refresh(shopify, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_permanent_token_is_exchanged_for_a_pair_once_and_for_good(shopify, clock):
    pair = migrate(shopify, "shpat_demo")
    again = migrate(shopify, "shpat_demo")

    assert pair.json()["refresh_token"]
    assert again.json() == pair.json()
    assert not opens(shopify, "shpat_demo")
    assert opens(shopify, pair.json()["access_token"])
    clock.forward(7 * DAY)
    assert migrate(shopify, "shpat_demo").json()["error"] == "invalid_grant"


def test_only_permanent_tokens_are_exchanged(shopify):
    pair = shopify.login()

    assert migrate(shopify, pair["access_token"]).json()["error"] == "invalid_grant"
    wrong = migrate(shopify, "shpat_demo", subject_token_type="id_token")
    assert wrong.json()["error"] == "invalid_request"


def test_the_shop_says_what_was_granted(shopify):
    token = shopify.login(scope="read_products")["access_token"]
    query = "{ currentAppInstallation { accessScopes { handle } } }"

    told = shopify.query(query, token=token).json()["data"]["currentAppInstallation"]
    denied = shopify.query(ORDERS, token=token).json()

    assert told["accessScopes"] == [{"handle": "read_products"}]
    assert denied["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_addresses_to_be_sent_back_to_can_be_scripted(shopify):
    shopify.script(redirect_uris=["https://console.shop/cb?tenant=1"])

    answer = shopify.authorize("install", redirect_uri="https://console.shop/cb?tenant=1")

    assert answer.headers["Location"].startswith("https://console.shop/cb?tenant=1&code=")
