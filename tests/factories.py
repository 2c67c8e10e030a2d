"""Plain functions with good defaults for what tests need."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from integrations.domain.lanes import Lane
from integrations.models import (
    Attempt,
    Cause,
    Credential,
    DeadLetter,
    Event,
    KlaviyoAccount,
    Membership,
    Merchant,
    Store,
    StoreLane,
    Tally,
    User,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = "app-secret-for-tests"
_numbers = count(1)


def a_user(email: str = "", **changes: Any) -> User:
    return User.objects.create_user(
        email or f"user{next(_numbers)}@alpine-demo.shop", "pass", **changes
    )


def a_merchant(**changes: Any) -> Merchant:
    return Merchant.objects.create(**{"name": "Alpine", "created_at": NOON} | changes)


def a_member(merchant: Merchant, email: str = "", role: str = "owner") -> User:
    user = a_user(email)
    Membership.objects.create(user=user, merchant=merchant, role=role)
    return user


def an_account(
    merchant: Merchant | None = None, *, key: str = "pk_demo", **changes: Any
) -> KlaviyoAccount:
    merchant = merchant or a_merchant()
    account = KlaviyoAccount.objects.create(
        **{"merchant": merchant, "name": "Alpine Klaviyo", "created_at": NOON} | changes
    )
    credential = Credential(klaviyo_account=account, kind="klaviyo_key", connected_at=NOON)
    credential.keep(key)
    credential.save()
    return account


def a_store(
    account: KlaviyoAccount | None = None, *, token: str = "shpat_demo", **changes: Any
) -> Store:
    account = account or an_account()
    number = next(_numbers)
    store = Store.objects.create(
        **{
            "merchant": account.merchant,
            "klaviyo_account": account,
            "domain": f"alpine-{number}.myshopify.com",
            "name": f"Alpine {number}",
            "created_at": NOON,
        }
        | changes
    )
    StoreLane.objects.bulk_create(
        StoreLane(store=store, lane=lane, last_served_at=NOON) for lane in Lane
    )
    if token:
        credential = Credential(store=store, kind="shopify_token", connected_at=NOON)
        credential.keep(token)
        credential.save()
    return store


def an_event(store: Store, **changes: Any) -> Event:
    number = next(_numbers)
    received = changes.get("received_at", NOON)
    defaults = {
        "store": store,
        "topic": "orders/create",
        "webhook_id": f"hook-{number}",
        "body": b"{}",
        "triggered_at": received,
        "received_at": received,
        "next_attempt_at": received,
    }
    if changes.get("state", "waiting") != "waiting":
        defaults["settled_at"] = received + timedelta(seconds=1)
    if changes.get("state") == "skipped":
        defaults["skip"] = "unchanged"
    return Event.objects.create(**defaults | changes)


def a_cause(merchant: Merchant, **changes: Any) -> Cause:
    defaults = {
        "merchant": merchant,
        "platform": "klaviyo",
        "code": "invalid",
        "field": "profile.phone_number",
        "rule": "phone",
        "first_seen_at": NOON,
        "last_seen_at": NOON,
    }
    return Cause.objects.get_or_create(**defaults | changes)[0]


def a_dead_letter(store: Store, **changes: Any) -> DeadLetter:
    event = changes.pop("event", None) or an_event(store, state="dead")
    defaults = {
        "store": store,
        "klaviyo_account": store.klaviyo_account,
        "event": event,
        "cause": changes.pop("cause", None) or a_cause(store.merchant),
        "identity": f"placed_order:{store.pk}:{event.pk}",
        "kind": "placed_order",
        "source_id": str(event.pk),
        "payload": b'{"metric": "Placed Order"}',
        "message": "The phone number is not a valid international number.",
        "pointer": "/data/attributes/phone_number",
        "status": 400,
        "answer": '{"errors": [{"code": "invalid"}]}',
        "attempts": 1,
        "created_at": NOON,
    }
    return DeadLetter.objects.create(**defaults | changes)


def an_attempt(event: Event, **changes: Any) -> Attempt:
    defaults = {
        "event": event,
        "number": 1,
        "at": NOON,
        "kind": "transient",
        "message": "Klaviyo did not answer in time.",
        "next_attempt_at": NOON + timedelta(minutes=1),
    }
    return Attempt.objects.create(**defaults | changes)


def a_tally(store: Store, **changes: Any) -> Tally:
    return Tally.objects.create(**{"store": store, "minute": NOON} | changes)
