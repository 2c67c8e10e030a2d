"""Plain functions with good defaults for what tests need."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from integrations.domain.histograms import LAG, LATENCY
from integrations.domain.lanes import Lane
from integrations.domain.resolutions import Resolution
from integrations.models import (
    Alert,
    AlertChannel,
    Attempt,
    AuditEntry,
    Authorization,
    Before,
    Binning,
    Breaker,
    BulkLine,
    CallFigures,
    Cause,
    Credential,
    DeadLetter,
    DeadLetterTry,
    DepthFigures,
    Erasure,
    Event,
    FailedImport,
    FailedImportPart,
    Gap,
    GroupRepair,
    Invitation,
    KlaviyoAccount,
    LagFigures,
    Membership,
    Merchant,
    Notice,
    Opening,
    PathTest,
    Reconnection,
    Repair,
    Replay,
    ReplayItem,
    ScheduleRun,
    Store,
    StoreLane,
    Subscription,
    SyncJob,
    SyncWindow,
    Tally,
    Undo,
    UndoItem,
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
        "failed_at": NOON,
    }
    return DeadLetter.objects.create(**defaults | changes)


def a_dead_letter_try(one: DeadLetter, **changes: Any) -> DeadLetterTry:
    defaults = {"number": 1, "at": NOON, "cause": one.cause, "message": one.message}
    return DeadLetterTry.objects.create(dead_letter=one, **defaults | changes)


def a_repair(one: DeadLetter, **changes: Any) -> Repair:
    defaults = {"number": 1, "content": b'{"profile": {}}', "made_at": NOON}
    return Repair.objects.create(dead_letter=one, **defaults | changes)


def a_replay(merchant: Merchant, **changes: Any) -> Replay:
    defaults = {"words": "all of one reason", "total": 1, "asked_at": NOON, "next_turn_at": NOON}
    return Replay.objects.create(merchant=merchant, **defaults | changes)


def a_replay_item(replay: Replay, one: DeadLetter, **changes: Any) -> ReplayItem:
    return ReplayItem.objects.create(replay=replay, dead_letter=one, **{"position": 1} | changes)


def a_group_repair(merchant: Merchant, **changes: Any) -> GroupRepair:
    defaults = {"merchant": merchant, "recipe": "drop_phone", "asked_at": NOON}
    return GroupRepair.objects.create(**defaults | changes)


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


def an_audit_entry(merchant: Merchant, **changes: Any) -> AuditEntry:
    defaults = {
        "at": NOON,
        "actor_name": "Sync Console",
        "role": "automatic",
        "action": "credential.broken",
        "merchant": merchant,
        "subject": merchant.name,
    }
    return AuditEntry.objects.create(**defaults | changes)


def an_authorization(merchant: Merchant, user: User, **changes: Any) -> Authorization:
    defaults = {
        "platform": "shopify",
        "merchant": merchant,
        "domain": "alpine-demo.myshopify.com",
        "state_hash": f"state-{next(_numbers)}".encode(),
        "browser_hash": b"browser",
        "begun_by": user,
        "begun_at": NOON,
        "expires_at": NOON + timedelta(minutes=10),
    }
    return Authorization.objects.create(**defaults | changes)


def a_reconnection(**changes: Any) -> Reconnection:
    return Reconnection.objects.create(**{"begun_at": NOON} | changes)


def a_gap(store: Store, **changes: Any) -> Gap:
    defaults = {
        "store": store,
        "since": NOON - timedelta(hours=3),
        "until": NOON,
        "cause": "The login did not work.",
        "noticed_at": NOON,
    }
    return Gap.objects.create(**defaults | changes)


def a_subscription(store: Store, **changes: Any) -> Subscription:
    return Subscription.objects.create(**{"store": store, "topic": "orders/create"} | changes)


def a_path_test(store: Store, **changes: Any) -> PathTest:
    return PathTest.objects.create(**{"store": store, "asked_at": NOON} | changes)


def an_invitation(merchant: Merchant, **changes: Any) -> Invitation:
    number = next(_numbers)
    defaults = {
        "merchant": merchant,
        "email": f"guest{number}@alpine-demo.shop",
        "token_hash": f"token-{number}".encode(),
        "invited_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return Invitation.objects.create(**defaults | changes)


def a_notice(merchant: Merchant, **changes: Any) -> Notice:
    defaults = {
        "key": f"notice-{next(_numbers)}",
        "merchant": merchant,
        "subject": "The login of Alpine no longer works",
        "body": "Connect it again.",
        "made_at": NOON,
        "next_attempt_at": NOON,
    }
    return Notice.objects.create(**defaults | changes)


def a_sync_job(store: Store, **changes: Any) -> SyncJob:
    defaults = {
        "store": store,
        "kind": "backfill",
        "streams": ["orders"],
        "since": NOON - timedelta(days=90),
        "until": NOON,
        "asked_at": NOON,
    }
    return SyncJob.objects.create(**defaults | changes)


def a_sync_window(job: SyncJob, **changes: Any) -> SyncWindow:
    defaults = {
        "job": job,
        "stream": "orders",
        "since": job.since,
        "until": job.until,
        "position": next(_numbers),
        "next_attempt_at": NOON,
    }
    return SyncWindow.objects.create(**defaults | changes)


def an_undo(job: SyncJob, **changes: Any) -> Undo:
    return Undo.objects.create(**{"job": job, "asked_at": NOON, "next_attempt_at": NOON} | changes)


def an_undo_item(undo: Undo, **changes: Any) -> UndoItem:
    number = next(_numbers)
    defaults = {
        "undo": undo,
        "what": "item",
        "identity": f"catalog_item:{undo.job.store_id}:{number}",
        "source_id": str(number),
    }
    return UndoItem.objects.create(**defaults | changes)


def a_before(job: SyncJob, **changes: Any) -> Before:
    row = Before(**{"job": job, "identity": f"profile:{next(_numbers)}", "kept_at": NOON} | changes)
    row.keep('{"key":"a@mail.alpine-demo.shop","before":{},"after":{}}')
    row.save()
    return row


def a_bulk_line(window: SyncWindow, **changes: Any) -> BulkLine:
    defaults = {
        "window": window,
        "place": next(_numbers),
        "owner": "gid://shopify/Order/1",
        "is_root": True,
        "body": b"{}",
    }
    return BulkLine.objects.create(**defaults | changes)


def a_breaker(**changes: Any) -> Breaker:
    """An open one, with its opening, of an account or of a store."""
    on = changes.get("klaviyo_account") or changes["store"]
    defaults = {
        "state": "open",
        "failures": 4,
        "failing_since": NOON,
        "last_failure_at": NOON,
        "last_error": "Klaviyo answered with status 503.",
        "error_code": "503",
        "probes": 1,
        "opened_at": NOON,
        "probe_at": NOON + timedelta(seconds=15),
    }
    breaker = Breaker.objects.create(**defaults | changes)
    on.tripped_at = breaker.opened_at
    on.save(update_fields=["tripped_at"])
    Opening.objects.create(
        breaker=breaker, opened_at=breaker.opened_at, reason=breaker.last_error, code="503"
    )
    return breaker


def a_binning(merchant: Merchant, **changes: Any) -> Binning:
    return Binning.objects.create(**{"merchant": merchant, "asked_at": NOON} | changes)


def a_failed_import(store: Store, **changes: Any) -> FailedImport:
    """A file that was handed in and not imported yet; `body` is what stands in it."""
    body = changes.pop("body", b'{"topic": "orders/create", "body": {}}')
    defaults = {"store": store, "source": "Old connector", "size": len(body), "asked_at": NOON}
    made = FailedImport.objects.create(**defaults | changes)
    FailedImportPart.objects.create(failed_import=made, place=0, body=body)
    return made


def an_erasure(event: Event, **changes: Any) -> Erasure:
    """What a shop asked for with this message."""
    defaults = {"store": event.store, "event": event, "asked_at": NOON, "next_turn_at": NOON}
    return Erasure.objects.create(**defaults | changes)


def a_call_figure(**changes: Any) -> CallFigures:
    """Calls of 90 ms in one minute, of an account or of a shop."""
    defaults = {
        "endpoint": "event-bulk-create-jobs",
        "resolution": Resolution.MINUTE,
        "start": NOON,
        "calls": 1,
        "throttled": 0,
        "errors": 0,
    }
    values = defaults | changes
    calls = int(values["calls"])
    latency = LATENCY.count([90] * calls)
    spent = {"milliseconds": 90 * calls, "latency": latency, "busiest": calls}
    return CallFigures.objects.create(**spent | values)


def a_lag_figure(store: Store, *, seconds: float = 2, **changes: Any) -> LagFigures:
    """Orders of one minute, which reached Klaviyo after so many seconds; all of them if unsaid."""
    defaults = {
        "store": store,
        "data_type": "orders",
        "resolution": Resolution.MINUTE,
        "start": NOON,
        "arrived": 1,
        "failed": 0,
    }
    values = defaults | changes
    values = {"settled": values["arrived"], **values}
    values = {"delivered": int(values["settled"]) - int(values["failed"]), **values}
    return LagFigures.objects.create(
        **{"lag": LAG.count([seconds] * int(values["delivered"]))} | values
    )


def a_depth_figure(store: Store | None, **changes: Any) -> DepthFigures:
    defaults = {
        "store": store,
        "resolution": Resolution.MINUTE,
        "start": NOON,
        "waiting": 0,
        "oldest_seconds": 0,
        "failed_open": 0,
    }
    return DepthFigures.objects.create(**defaults | changes)


def a_schedule_run(**changes: Any) -> ScheduleRun:
    defaults = {"name": "integrations.tasks.sweep", "began_at": NOON, "ended_at": NOON}
    return ScheduleRun.objects.create(**defaults | changes)


def an_alert(store: Store, **changes: Any) -> Alert:
    defaults = {
        "key": f"stuck:store:{store.pk}",
        "rule": "stuck",
        "merchant": store.merchant,
        "store": store,
        "state": "firing",
        "severity": "critical",
        "value": 34,
        "words": f"{store.name}: nothing moves. 34 minutes without progress.",
        "bad_since": NOON,
        "seen_at": NOON,
        "fired_at": NOON,
    }
    return Alert.objects.create(**defaults | changes)


def an_alert_channel(merchant: Merchant | None = None, **changes: Any) -> AlertChannel:
    address = changes.pop("address", "ann@alpine-demo.shop")
    channel = AlertChannel(merchant=merchant, made_at=NOON, **{"name": "Ann"} | changes)
    channel.keep(address)
    channel.save()
    return channel
