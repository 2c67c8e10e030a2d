"""One trip to a sign-in page: whose answer it is, used once, and words for what goes wrong."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qsl

from integrations.domain import refusals
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.logins import MISSING_SCOPES
from integrations.models import Authorization, Merchant, User
from integrations.models.authorizations import Destination
from integrations.secrets import LostKey

from . import apps, connections

NAMES = {Destination.SHOPIFY: "Shopify", Destination.KLAVIYO: "Klaviyo"}


class Refused(Exception):
    """A sign-in that leads to nothing: which rule, and the words for it."""

    def __init__(
        self,
        code: str,
        facts: refusals.Facts | None = None,
        *,
        authorization: Authorization | None = None,
    ) -> None:
        self.code, self.authorization = code, authorization
        words = refusals.words(code, facts or refusals.Facts())
        self.title, self.message, self.advice = words.title, words.message, words.advice
        super().__init__(f"{self.title}. {self.message}")


def answer_of(query: str) -> dict[str, str]:
    """What a platform sent back. Raises Refused."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50))
    except ValueError as exc:
        raise Refused("forged") from exc


def find(
    platform: Destination, given: dict[str, str], *, by: User, browser: str, now: datetime
) -> Authorization:
    """The sign-in an answer belongs to, if this person may finish it here. Raises Refused."""
    state = given.get("state", "")
    if not state:
        raise Refused("no_state", facts_of(platform))
    found = Authorization.objects.filter(platform=platform, state_hash=hashed(state))
    trip = found.select_related("merchant", "klaviyo_account", "store").first()
    if trip is None:
        raise Refused("forged", facts_of(platform))
    mine = hmac.compare_digest(bytes(trip.browser_hash), hashed(browser))
    if not mine or trip.begun_by_id != by.pk:
        raise refused("other_browser", trip)
    if not Merchant.objects.visible_to(by).filter(pk=trip.merchant_id).exists():
        raise refused("not_allowed", trip)
    if trip.answered_at is not None:
        raise refused("used", trip)
    if now >= trip.expires_at:
        raise refused("expired", trip)
    return trip


@contextmanager
def used(trip: Authorization, given: dict[str, str], now: datetime) -> Iterator[None]:
    """Use a sign-in up, whatever comes of it, and write down what did."""
    unused = Authorization.objects.filter(pk=trip.pk, answered_at=None)
    if not unused.update(answered_at=now, verifier=b""):
        raise refused("used", trip)
    try:
        with in_words(Destination(trip.platform), trip, auth="code_refused"):
            if "error" in given or not given.get("code"):
                raise refused("denied", trip)
            yield
    except Refused as exc:
        Authorization.objects.filter(pk=trip.pk).update(
            outcome=exc.code[:40], detail=exc.message[:500]
        )
        raise


@contextmanager
def in_words(platform: Destination, trip: Authorization | None, *, auth: str) -> Iterator[None]:
    """Turn whatever a sign-in can fail with into a refusal."""

    def refuse(code: str, **named: str) -> Refused:
        return Refused(code, facts_of(platform, **named), authorization=trip)

    try:
        yield
    except PlatformError as exc:
        code = _code_of(platform, exc.failure, auth)
        raise refuse(code, detail=exc.failure.message) from exc
    except connections.WrongShop as exc:
        wanted = trip.domain if trip else ""
        raise refuse("wrong_shop", wanted=wanted, found="another shop") from exc
    except connections.OtherAccount as exc:
        raise refuse("other_account", wanted=exc.wanted, found=exc.found) from exc
    except connections.OtherMerchant as exc:
        found = trip.domain if trip and trip.domain else "This Klaviyo account"
        raise refuse("other_merchant", found=found) from exc
    except connections.OtherKind as exc:
        raise refuse("other_kind", found=exc.name, old=exc.old, new=exc.new) from exc
    except apps.NotConfigured as exc:
        raise refuse("not_configured", detail=str(exc)) from exc
    except LostKey as exc:
        raise refuse("expired") from exc


def _code_of(platform: Destination, failure: Failure, auth: str) -> str:
    """Which refusal a platform's answer is; `auth` where it is its plain last word."""
    code, is_at_klaviyo = failure.code, platform is Destination.KLAVIYO
    if code == "invalid_request":
        return "code_refused"
    if failure.kind is not FailureKind.AUTH:
        return "platform_down"
    if code == MISSING_SCOPES or (is_at_klaviyo and failure.status == 403):
        return "missing_scopes"
    if code in {"invalid_client", "application_cannot_be_found"}:
        return "not_configured"
    is_first_look = code.isdigit() or code in {"ACCESS_DENIED", "SHOP_INACTIVE"}
    return "not_let_in" if auth == "code_refused" and is_first_look else auth


def refused(code: str, trip: Authorization, **named: str) -> Refused:
    """A refusal of a known sign-in."""
    return Refused(code, facts_of(Destination(trip.platform), **named), authorization=trip)


def facts_of(platform: Destination, **named: str) -> refusals.Facts:
    """What the words of a refusal name."""
    return refusals.Facts(platform=NAMES[platform], **named)


def hashed(value: str) -> bytes:
    """What is kept of a value that travels through the browser."""
    return hashlib.sha256(value.encode()).digest()
