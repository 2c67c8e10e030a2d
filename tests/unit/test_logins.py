"""What an answer says about a login, and the words for it."""

import pytest

from integrations.domain import logins, scopes
from integrations.domain.failures import Failure, FailureKind
from integrations.domain.logins import LoginState, Side
from integrations.models.credentials import CredentialState
from tests.factories import NOON

TRANSIENT = FailureKind.TRANSIENT


def test_the_states_are_those_of_the_table():
    assert {one.value for one in LoginState} == set(CredentialState.values)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("kind", [one for one in FailureKind if one is not FailureKind.AUTH])
def test_only_a_refusal_of_the_login_says_anything_about_it(side, kind):
    assert logins.meaning(side, Failure(kind, "", "invalid_grant", 401)) is None


@pytest.mark.parametrize(
    ("side", "code", "status", "state"),
    [
        (Side.SHOPIFY, "401", 401, LoginState.NEEDS_RECONNECT),
        (Side.SHOPIFY, "402", 402, LoginState.SUSPENDED),
        (Side.SHOPIFY, "ACCESS_DENIED", 200, LoginState.MISSING_SCOPES),
        (Side.SHOPIFY, "something", 200, LoginState.NEEDS_RECONNECT),
        (Side.SHOPIFY, "something", None, LoginState.NEEDS_RECONNECT),
        (Side.SHOPIFY, "app_not_installed", 400, LoginState.REVOKED),
        (Side.KLAVIYO, "not_authenticated", 401, LoginState.NEEDS_RECONNECT),
        (Side.KLAVIYO, "permission_denied", 403, LoginState.MISSING_SCOPES),
        (Side.KLAVIYO, "invalid_grant", 400, LoginState.NEEDS_RECONNECT),
        (Side.KLAVIYO, "lost_key", None, LoginState.UNREADABLE),
    ],
)
def test_a_refusal_has_one_state(side, code, status, state):
    assert logins.meaning(side, Failure(FailureKind.AUTH, "", code, status)) is state


@pytest.mark.parametrize(
    ("state", "code", "final"),
    [
        ("revoked", "app/uninstalled", True),
        ("needs_reconnect", "invalid_grant", True),
        ("needs_reconnect", "invalid_client", False),
        ("needs_reconnect", "401", False),
        ("suspended", "402", False),
        ("unreadable", "lost_key", False),
        ("active", "", False),
    ],
)
def test_what_only_a_person_can_mend_is_not_tried_again(state, code, final):
    assert logins.is_final(state, code) is final


def test_a_token_is_renewed_a_minute_before_its_end():
    assert not logins.renewal_due(None, NOON)
    assert not logins.renewal_due(NOON + logins.AHEAD * 1.1, NOON)
    assert logins.renewal_due(NOON + logins.AHEAD, NOON)


CODES = ["", "401", "402", "423", "invalid_client", "app_not_installed", "disconnected", "odd"]


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("state", list(LoginState))
@pytest.mark.parametrize("code", CODES)
def test_each_state_has_a_sentence_and_all_but_one_a_next_step(side, state, code):
    said = logins.sentence(side, state, code)
    step = logins.advice(side, state, code)

    assert said.endswith(".")
    assert "{" not in said + step
    assert step or state is LoginState.ACTIVE


def test_a_refused_app_names_the_settings_to_compare():
    assert "KLAVIYO_CLIENT_SECRET" in logins.advice(
        Side.KLAVIYO, "needs_reconnect", "invalid_client"
    )
    assert "SHOPIFY_APP_SECRETS" in logins.advice(
        Side.SHOPIFY, "needs_reconnect", "application_cannot_be_found"
    )


# --- permissions ----------------------------------------------------------------------------------


def test_a_missing_permission_says_what_it_blocks():
    granted = [one.handle for one in scopes.SHOPIFY if one.handle != "read_all_orders"]

    [missing] = scopes.missing(scopes.SHOPIFY, granted)

    said = "Orders older than 60 days are out of reach: read_all_orders is missing."
    assert missing.sentence == said
    assert not scopes.blocking(scopes.SHOPIFY, granted)


def test_writing_includes_reading_and_nothing_else():
    assert scopes.held(["write_orders", "read_products"]) == {
        "write_orders",
        "read_orders",
        "read_products",
    }
    assert "read_all_orders" not in scopes.held(["write_orders"])


def test_required_permissions_come_first():
    required = [one.scope.required for one in scopes.missing(scopes.KLAVIYO, [])]

    assert required == sorted(required, reverse=True)
    assert len(required) == len(scopes.KLAVIYO)
