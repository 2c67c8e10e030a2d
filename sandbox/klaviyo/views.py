"""What a judge can see of Klaviyo's memory from outside."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.control import limit_of
from sandbox.klaviyo.memory import Account, Identity, StoredEvent
from sandbox.klaviyo.times import iso
from sandbox.messages import Call

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo


def state(klaviyo: "Klaviyo") -> dict[str, Any]:
    """Count per account, and who ran into the limits."""
    accounts = {account.id: _counts(account) for account in klaviyo.accounts.values()}
    return {
        "accounts": accounts,
        "refused": dict(klaviyo.rates.refused),
        "violations": dict(klaviyo.rates.violations),
    }


def _counts(account: Account) -> dict[str, Any]:
    by_metric = {
        metric.name: len(account.timelines[metric.id])
        for metric in account.metrics.values()
        if metric.id in account.timelines
    }
    return {
        "events": len(account.events),
        "metrics": by_metric,
        "profiles": len(account.people),
        "items": len(account.items),
        "variants": len(account.variants),
        "categories": len(account.categories),
        "jobs": len(account.jobs),
        "sent": account.sent.total(),
        "sent_again": sum(times - 1 for _, times in account.doubles()),
        "lost": len(account.lost),
        "dropped": account.dropped,
        "logins": len(account.logins.grants),
        "scopes": account.logins.scopes(),
    }


def listing(klaviyo: "Klaviyo", name: str, call: Call) -> Any:
    """Show one part of an account's memory; `account=` chooses, the first is the default."""
    chosen = call.query.get("account") or next(iter(klaviyo.accounts))
    if (account := klaviyo.accounts.get(chosen)) is None:
        return None
    klaviyo.advance(account)
    match name:
        case "events":
            return {"events": list(islice(events(account, call), limit_of(call)))}
        case "profiles":
            people = ({"id": p.id, **p.fields} for p in account.people)
            return {"profiles": list(islice(people, limit_of(call)))}
        case "catalog":
            return {"items": account.items, "variants": account.variants,
                    "categories": account.categories}  # fmt: skip
        case "lost":
            return {"lost": [_named(account, identity) for identity in account.lost]}
        case "doubles":
            return {"doubles": [{**_named(account, i), "times": n} for i, n in account.doubles()]}
    return None


def events(account: Account, call: Call) -> Iterator[dict[str, Any]]:
    """List stored events in the order they came, of one metric or of all."""
    metric = account.metrics.get(call.query.get("metric", ""))
    if metric is None and "metric" in call.query:
        return
    offset = int(call.query.get("offset", 0))
    stored = islice(account.events.values(), offset, None)
    for event in stored:
        if metric is None or event.metric_id == metric.id:
            yield shown(account, event)


def shown(account: Account, event: StoredEvent) -> dict[str, Any]:
    """Write an event with everything a judge needs to compare."""
    profile = account.profile_of(event)
    return {
        **_named(account, event.identity),
        "id": event.id,
        "time": iso(event.time),
        "value": event.value,
        "value_currency": event.currency,
        "backfill": event.backfill,
        "properties": msgspec.json.decode(event.properties),
        "profile": profile.fields if profile else {},
        "accepted_at": iso(event.accepted),
        "times_sent": account.sent[event.identity],
    }


def _named(account: Account, identity: Identity) -> dict[str, Any]:
    profile_id, metric_id, unique_id = identity
    metric = account.metric_by_id(metric_id)
    return {
        "metric": metric.name if metric else metric_id,
        "profile_id": profile_id,
        "unique_id": unique_id,
    }
