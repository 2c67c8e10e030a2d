"""Proving the way from a shop to Klaviyo with a message of our own, part by part."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from integrations.domain.failures import PlatformError
from integrations.domain.pathtests import Evidence, Part, judge
from integrations.models import Credential, Event, PathTest, Store, User
from integrations.platforms.shopify import own_message
from integrations.platforms.shopify.wanted import WANTED

from . import audit, logins, subscriptions

# A button pressed twice is one test.
AT_MOST_EVERY = timedelta(seconds=10)
UNSIGNED = "This console has no app secret, so it can verify no message (SHOPIFY_APP_SECRETS)."


def send(store: Store, *, by: User, clock: Callable[[], datetime]) -> PathTest:
    """Post a test message to the store's own address and ask both platforms about us."""
    now = clock()
    latest = PathTest.objects.filter(store=store).order_by("-pk").first()
    if latest and now - latest.asked_at < AT_MOST_EVERY:
        return latest
    test = PathTest.objects.create(store=store, asked_by=by, asked_at=now, wanted=len(WANTED))
    audit.record("path_test.sent", store, by=audit.person(by, store.merchant), now=now)
    # First the message, so that a worker has its time while the platforms are asked.
    _post(test, store, now=now)
    _ask_shop(test, store, now=clock())
    _ask_klaviyo(test, store, now=clock())
    return test


def parts(test: PathTest, *, now: datetime) -> list[Part]:
    """What a test has shown so far."""
    event = (
        Event.objects.filter(store=test.store_id, webhook_id=test.webhook_id)
        .values("received_at", "settled_at")
        .first()
    )
    return judge(
        Evidence(
            asked_at=test.asked_at,
            now=now,
            subscribed=test.subscribed,
            wanted=test.wanted,
            shop_trouble=test.shop_trouble,
            status=test.status,
            milliseconds=test.milliseconds,
            trouble=test.trouble,
            received_at=event and event["received_at"],
            settled_at=event and event["settled_at"],
            paused=test.store.paused_at is not None,
            held=test.store.klaviyo_account.held_since is not None,
            klaviyo_answered=test.klaviyo_answered,
            klaviyo_trouble=test.klaviyo_trouble,
        )
    )


def event_of(test: PathTest) -> Event | None:
    """The test's message in the inbox."""
    found = Event.objects.filter(store=test.store_id, webhook_id=test.webhook_id)
    return found.defer("body").first()


def latest_of(store: Store, *, most: int = 5) -> list[PathTest]:
    """The last tests of a store, newest first."""
    return list(
        PathTest.objects.filter(store=store).select_related("asked_by").order_by("-pk")[:most]
    )


def _post(test: PathTest, store: Store, *, now: datetime) -> None:
    address = subscriptions.address_of(store)
    secret = next(filter(None, settings.SHOPIFY_APP_SECRETS), "")
    if not address or not secret:
        test.trouble = UNSIGNED if address else subscriptions.NO_ADDRESS
    else:
        try:
            answer = own_message.post(
                address, domain=store.domain, webhook_id=test.webhook_id, secret=secret, now=now
            )
            test.status, test.milliseconds = answer.status, answer.milliseconds
        except PlatformError as exc:
            test.trouble = f"Our own address could not be reached. {exc.failure.message}"
    test.save(update_fields=["status", "milliseconds", "trouble"])


def _ask_shop(test: PathTest, store: Store, *, now: datetime) -> None:
    try:
        test.subscribed = subscriptions.count_present(store, now=now)
    except PlatformError as exc:
        test.shop_trouble = f"The shop could not be asked. {exc.failure.message}"[:500]
    test.save(update_fields=["subscribed", "shop_trouble"])


def _ask_klaviyo(test: PathTest, store: Store, *, now: datetime) -> None:
    login = Credential.objects.filter(klaviyo_account=store.klaviyo_account_id).first()
    if login is None:
        test.klaviyo_answered, test.klaviyo_trouble = False, "No Klaviyo login is connected."
    else:
        test.klaviyo_answered = logins.check(login, now=now, asked=True)
        if not test.klaviyo_answered:
            login.refresh_from_db()
            test.klaviyo_trouble = login.last_failure
    test.save(update_fields=["klaviyo_answered", "klaviyo_trouble"])
