"""What a shop sends us: list it, ask for it, correct it, end it."""

import msgspec

from integrations.domain.failures import Failure, FailureKind, PlatformError

from .client import Shopify

# A shop has some dozens; more pages than this mean that the list does not end.
MOST_PAGES = 50
TAKEN = "taken"
MISSING = "missing"
REFUSED = "refused"


class Remote(msgspec.Struct, frozen=True):
    """One subscription as the shop has it; its topic is written as the shop's enum."""

    id: str
    topic: str
    uri: str


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _Nodes(msgspec.Struct, rename="camel"):
    nodes: list[Remote]
    page_info: _PageInfo


class _List(msgspec.Struct, rename="camel"):
    webhook_subscriptions: _Nodes


class _UserError(msgspec.Struct):
    message: str = ""


class _Written(msgspec.Struct, rename="camel"):
    webhook_subscription: Remote | None = None
    deleted_webhook_subscription_id: str | None = None
    user_errors: list[_UserError] = []


class _Created(msgspec.Struct, rename="camel"):
    webhook_subscription_create: _Written


class _Updated(msgspec.Struct, rename="camel"):
    webhook_subscription_update: _Written


class _Deleted(msgspec.Struct, rename="camel"):
    webhook_subscription_delete: _Written


def read_all(client: Shopify) -> list[Remote]:
    """Every subscription of our app in this shop. Raises PlatformError rather than tell a part."""
    found: list[Remote] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        page = client.query("subscriptions", {"after": after}, _List).webhook_subscriptions
        found += page.nodes
        if not page.page_info.has_next_page:
            return found
        after = page.page_info.end_cursor
    raise PlatformError(
        Failure(FailureKind.UNEXPECTED, "The list of subscriptions does not end.", code="endless")
    )


def create(client: Shopify, topic: str, uri: str) -> Remote:
    """Ask for a topic. Raises PlatformError; with code TAKEN when the shop has it already."""
    variables = {"topic": enum_of(topic), "uri": uri}
    made = client.query("subscription_create", variables, _Created)
    return _written(made.webhook_subscription_create)


def correct(client: Shopify, remote_id: str, uri: str) -> Remote:
    """Send a subscription to another address. Raises PlatformError; MISSING when it is gone."""
    made = client.query("subscription_update", {"id": remote_id, "uri": uri}, _Updated)
    return _written(made.webhook_subscription_update)


def remove(client: Shopify, remote_id: str) -> None:
    """End a subscription; one that is gone already is as good. Raises PlatformError."""
    answer = client.query("subscription_delete", {"id": remote_id}, _Deleted)
    complaint = _complaint(answer.webhook_subscription_delete)
    if complaint and complaint.code != MISSING:
        raise PlatformError(complaint)


def enum_of(topic: str) -> str:
    """A topic as the API names it: `orders/create` is ORDERS_CREATE."""
    return topic.replace("/", "_").replace(".", "_").upper()


def _written(answer: _Written) -> Remote:
    if complaint := _complaint(answer):
        raise PlatformError(complaint)
    if answer.webhook_subscription is None:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "Shopify said neither yes nor no.", code="unexpected")
        )
    return answer.webhook_subscription


def _complaint(answer: _Written) -> Failure | None:
    """What the shop does not like about a change; it says so with status 200."""
    if not answer.user_errors:
        return None
    message = " ".join(one.message for one in answer.user_errors)[:500]
    words = message.lower()
    code = REFUSED
    if "already been taken" in words:
        code = TAKEN
    elif "does not exist" in words or "not found" in words:
        code = MISSING
    return Failure(FailureKind.REJECTED, message, code=code, status=200)
