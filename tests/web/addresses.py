"""What every address answers to every role. A new address gets its line here.

An address is `Address(arguments, get=..., post=...)`: `arguments` makes the arguments of its URL
out of the world of tests/web/conftest.py, `get` and `post` say what each role meets, in the order
of ROLES; a method left out is refused to everybody (405). Posts are sent empty: a page that
answers with its form and an error counts as open. Permissions are asked before forms are read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests import factories
from tests.factories import an_invitation
from tests.web.conftest import World

ROLES = ("nobody", "foreigner", "member", "owner", "support", "administrator")


class Meets(NamedTuple):
    """What each role meets: open, sign in, refused (403) or hidden (404)."""

    nobody: str
    foreigner: str
    member: str
    owner: str
    support: str
    administrator: str


OPEN, ASKED, REFUSED, HIDDEN = "open", "sign in", "refused", "hidden"

EVERYBODY = Meets(OPEN, OPEN, OPEN, OPEN, OPEN, OPEN)
# For whoever has signed in; what is in it depends on who they are.
PEOPLE = Meets(ASKED, OPEN, OPEN, OPEN, OPEN, OPEN)
# Something of one merchant, for all its people.
TEAM = Meets(ASKED, HIDDEN, OPEN, OPEN, OPEN, OPEN)
# Something of one merchant that its members may look at and not touch.
OWNERS = Meets(ASKED, HIDDEN, REFUSED, OPEN, OPEN, OPEN)
# A way back from a sign-in page, without what a sign-in page adds: said so, and who one is.
ANSWERS = Meets("401", "400", "400", "400", "400", "400")
# A form that was sent empty; and a way that these tests have not configured.
OWNERS_EMPTY = OWNERS._replace(owner="400", support="400", administrator="400")
TEAM_EMPTY = TEAM._replace(member="400", owner="400", support="400", administrator="400")
OWNERS_CLOSED = OWNERS._replace(owner="503", support="503", administrator="503")
# Something of one merchant that only staff may touch.
STAFF_OF_TEAM = Meets(ASKED, HIDDEN, REFUSED, REFUSED, OPEN, OPEN)
# What was shown to somebody is asked for, and nothing is.
TEAM_TOO_LATE = TEAM._replace(member="409", owner="409", support="409", administrator="409")
STAFF_EMPTY = STAFF_OF_TEAM._replace(support="400", administrator="400")
STAFF = Meets(ASKED, REFUSED, REFUSED, REFUSED, OPEN, OPEN)
ADMINISTRATORS = Meets(ASKED, REFUSED, REFUSED, REFUSED, REFUSED, OPEN)


@dataclass(frozen=True)
class Address:
    """One address: how to make it, and what its methods answer."""

    arguments: Callable[[World], list[Any]] = lambda _: []
    get: Meets | None = None
    post: Meets | None = None


def of_store(world: World) -> list[Any]:
    return [world.store.public_id]


def of_account(world: World) -> list[Any]:
    return [world.account.public_id]


def of_merchant(world: World) -> list[Any]:
    return [world.store.merchant.public_id]


def of_member(world: World) -> list[Any]:
    return [world.store.merchant.public_id, world.member.memberships.get().pk]


def of_cause(world: World) -> list[Any]:
    return [world.failed.cause_id]


def of_invitation(world: World) -> list[Any]:
    return [an_invitation(world.store.merchant).public_id]


def of_person(world: World) -> list[Any]:
    return [world.member.pk]


def of_alert(world: World) -> list[Any]:
    """An alert that people are told of."""
    return [factories.an_alert(world.store).public_id]


def of_rule(world: World) -> list[Any]:
    """The numbers of one rule for a business."""
    return [world.store.merchant.public_id, "failing"]


def of_channel(world: World) -> list[Any]:
    """A way out for the alerts of a business."""
    return [factories.an_alert_channel(world.store.merchant).public_id]


def of_sign_in(world: World) -> list[Any]:
    """A sign-in that led to the connection of the shop."""
    made = factories.an_authorization(
        world.store.merchant, world.owner, store=world.store, outcome="connected"
    )
    return [made.public_id]


def of_reconnect(world: World) -> list[Any]:
    """A reconnect that was begun."""
    return [factories.a_reconnection(store=world.store, begun_by=world.owner).public_id]


def of_failed(world: World) -> list[Any]:
    """A failed record that is open."""
    return [world.failed.public_id]


def of_group_repair(world: World) -> list[Any]:
    """A rule that many records were changed by."""
    return [factories.a_group_repair(world.store.merchant).public_id]


def of_fetch(world: World) -> list[Any]:
    """A fetch of past data that runs."""
    return [_a_window(world).job.public_id]


def of_plan(world: World) -> list[Any]:
    """A fetch of past data that is only planned."""
    return [_a_window(world, state="draft").job.public_id]


def of_period(world: World) -> list[Any]:
    """One period of it."""
    return [_a_window(world).public_id]


def of_undo(world: World) -> list[Any]:
    """A list of what would be taken back of it."""
    return [factories.an_undo(_a_window(world, state="done").job).public_id]


def of_binning(world: World) -> list[Any]:
    """A decision about the bin."""
    return [factories.a_binning(world.store.merchant).public_id]


def of_failed_import(world: World) -> list[Any]:
    """A file of failed records that was handed in."""
    return [factories.a_failed_import(world.store).public_id]


def of_replay(world: World) -> list[Any]:
    """Failed records that are being sent again."""
    return [factories.a_replay(world.store.merchant, state="running").public_id]


def _a_window(world: World, state: str = "running") -> Any:
    return factories.a_sync_window(factories.a_sync_job(world.store, state=state))


ADDRESSES = {
    "shopify-compliance": Address(),
    "shopify-webhook": Address(of_store),
    "healthz": Address(get=EVERYBODY),
    "readyz": Address(get=EVERYBODY),
    "metrics": Address(),
    "sign-in": Address(get=EVERYBODY, post=EVERYBODY),
    "sign-out": Address(post=EVERYBODY),
    "times": Address(post=EVERYBODY),
    "password-forgotten": Address(get=EVERYBODY, post=EVERYBODY),
    "password-sent": Address(get=EVERYBODY),
    "password-new": Address(lambda _: ["MQ", "no-token"], get=EVERYBODY, post=EVERYBODY),
    # Led away again, or in, where there is nothing to ask.
    "second-step": Address(get=PEOPLE, post=PEOPLE),
    "second-step-set-up": Address(get=PEOPLE, post=PEOPLE),
    "second-step-picture": Address(get=PEOPLE),
    "second-step-off": Address(get=PEOPLE, post=PEOPLE),
    "second-step-codes": Address(get=PEOPLE, post=PEOPLE),
    "history": Address(get=PEOPLE),
    # The foreigner owns another merchant, and takes the history of that one away.
    "history-export": Address(post=Meets(ASKED, OPEN, REFUSED, OPEN, OPEN, OPEN)),
    "teams": Address(get=PEOPLE),
    "team": Address(of_merchant, get=TEAM),
    "invite": Address(of_merchant, get=OWNERS, post=OWNERS),
    "team-role": Address(of_member, get=OWNERS, post=OWNERS),
    "team-remove": Address(of_member, get=OWNERS, post=OWNERS),
    "invitation-again": Address(of_invitation, post=OWNERS),
    "invitation-withdraw": Address(of_invitation, get=OWNERS, post=OWNERS),
    "invitation": Address(lambda _: ["no-such-token"], get=EVERYBODY, post=EVERYBODY),
    "people": Address(get=ADMINISTRATORS, post=ADMINISTRATORS),
    "person": Address(of_person, get=ADMINISTRATORS),
    "person-unlock": Address(of_person, post=ADMINISTRATORS),
    "person-second-step": Address(of_person, get=ADMINISTRATORS, post=ADMINISTRATORS),
    "you": Address(get=PEOPLE),
    "password-change": Address(get=PEOPLE, post=PEOPLE),
    "home": Address(get=PEOPLE),
    "store": Address(of_store, get=TEAM),
    "events": Address(of_store, get=TEAM),
    "event": Address(lambda world: [world.event.public_id], get=TEAM),
    "failed-records": Address(get=PEOPLE),
    "failed-record": Address(lambda world: [world.failed.public_id], get=TEAM),
    "cause": Address(of_cause, get=TEAM),
    "cause-take": Address(of_cause, post=STAFF_OF_TEAM),
    "cause-let-go": Address(of_cause, post=STAFF_OF_TEAM),
    "cause-note": Address(of_cause, post=STAFF_OF_TEAM),
    "cause-park": Address(of_cause, get=STAFF_OF_TEAM, post=STAFF_OF_TEAM),
    "cause-back": Address(of_cause, post=STAFF_OF_TEAM),
    "cause-merge": Address(of_cause, get=STAFF_OF_TEAM, post=STAFF_OF_TEAM),
    "cause-apart": Address(of_cause, post=STAFF_OF_TEAM),
    "cause-split": Address(of_cause, get=STAFF_OF_TEAM, post=STAFF_OF_TEAM),
    # Led back to the list where nothing was chosen.
    "bin-new": Address(get=PEOPLE, post=PEOPLE),
    "bin-out": Address(get=PEOPLE, post=PEOPLE),
    "binning": Address(of_binning, get=TEAM),
    # The foreigner owns another merchant, and finds nothing chosen there.
    "failed-export": Address(post=Meets(ASKED, OPEN, REFUSED, OPEN, OPEN, OPEN)),
    "failed-import-new": Address(
        get=STAFF, post=STAFF._replace(support="400", administrator="400")
    ),
    "failed-import": Address(of_failed_import, get=STAFF_OF_TEAM),
    "failed-import-take": Address(of_failed_import, post=STAFF_OF_TEAM),
    "failed-import-forget": Address(of_failed_import, post=STAFF_OF_TEAM),
    # Without its content in the post it is shown again with a sentence, or led back.
    "record-reveal": Address(of_failed, post=OWNERS),
    "record-field": Address(of_failed, post=TEAM_EMPTY),
    "record-document": Address(of_failed, post=STAFF_EMPTY),
    "record-check": Address(of_failed, post=STAFF_OF_TEAM),
    "record-take-back": Address(of_failed, post=TEAM_TOO_LATE),
    "record-send": Address(of_failed, post=TEAM),
    "record-afresh": Address(of_failed, post=TEAM),
    # Led back to the list where nothing was chosen.
    "repair-new": Address(get=PEOPLE, post=PEOPLE),
    "repair-group": Address(of_group_repair, get=TEAM),
    "repair-group-send": Address(of_group_repair, post=TEAM),
    "accounts": Address(get=PEOPLE),
    "account": Address(of_account, get=TEAM),
    "limits": Address(get=PEOPLE),
    "account-limits": Address(of_account, get=TEAM),
    "account-calls": Address(of_account, get=TEAM),
    "account-try": Address(of_account, post=TEAM),
    "figures": Address(get=STAFF),
    "store-calls": Address(of_store, get=TEAM),
    "store-figures": Address(of_store, get=TEAM),
    "store-try": Address(of_store, post=TEAM),
    # Led to the one business, or to a choice.
    "connect": Address(get=PEOPLE),
    "shopify-answer": Address(get=ANSWERS),
    "klaviyo-answer": Address(get=ANSWERS),
    "connected": Address(of_sign_in, get=TEAM),
    "merchant-connect": Address(of_merchant, get=OWNERS),
    "connect-klaviyo": Address(of_merchant, post=OWNERS_CLOSED),
    "connect-klaviyo-key": Address(of_merchant, post=OWNERS_EMPTY),
    "connect-shop": Address(of_merchant, post=OWNERS_EMPTY),
    "store-connection": Address(of_store, get=TEAM),
    "store-check": Address(of_store, post=TEAM),
    "store-disconnect": Address(of_store, get=OWNERS, post=OWNERS),
    "store-catch-up": Address(of_store, post=TEAM),
    "store-test": Address(of_store, post=TEAM),
    "path-test": Address(lambda world: [factories.a_path_test(world.store).public_id], get=TEAM),
    "store-reconnect": Address(of_store, get=TEAM, post=TEAM),
    "account-connection": Address(of_account, get=TEAM),
    "account-check": Address(of_account, post=TEAM),
    "account-disconnect": Address(of_account, get=OWNERS, post=OWNERS),
    "account-reconnect": Address(of_account, get=TEAM, post=TEAM),
    "reconnect": Address(of_reconnect, get=TEAM),
    "reconnect-let-go": Address(of_reconnect, post=TEAM),
    "reconnect-sign-in": Address(of_reconnect, post=TEAM),
    "reconnect-key": Address(of_reconnect, post=TEAM),
    "reconnect-carry-on": Address(of_reconnect, post=TEAM),
    "reconnect-catch-up": Address(of_reconnect, post=TEAM),
    "reconnect-give-up": Address(of_reconnect, get=TEAM, post=TEAM),
    "past": Address(of_store, get=TEAM),
    "past-banners": Address(of_store, get=TEAM),
    "past-new": Address(of_store, get=TEAM, post=TEAM_EMPTY),
    "past-fetch": Address(of_fetch, get=TEAM),
    "past-start": Address(of_plan, post=TEAM),
    "past-pause": Address(of_fetch, get=TEAM, post=TEAM),
    "past-go-on": Address(of_fetch, post=TEAM),
    "past-stop": Address(of_fetch, get=TEAM, post=TEAM),
    "past-lacking": Address(of_fetch, get=TEAM, post=TEAM),
    "past-periods": Address(of_fetch, get=TEAM),
    "past-records": Address(of_fetch, get=TEAM),
    "past-undo": Address(of_fetch, get=TEAM),
    "past-undo-draft": Address(of_fetch, post=TEAM),
    "past-undo-export": Address(of_fetch, post=OWNERS),
    "past-undo-confirm": Address(of_undo, post=TEAM),
    "past-undo-stop": Address(of_undo, post=TEAM),
    "past-period": Address(of_period, get=TEAM),
    "past-again": Address(of_period, post=TEAM),
    "alerts": Address(get=PEOPLE),
    "alert": Address(of_alert, get=TEAM),
    "alert-take": Address(of_alert, post=TEAM),
    "alert-channels": Address(get=PEOPLE),
    "alert-channel-new": Address(of_merchant, get=OWNERS, post=OWNERS_EMPTY),
    "alert-channel-operators": Address(
        get=ADMINISTRATORS, post=ADMINISTRATORS._replace(administrator="400")
    ),
    "alert-rules": Address(of_merchant, get=TEAM),
    "alert-rule": Address(of_rule, get=OWNERS, post=OWNERS_EMPTY),
    "alert-channel-test": Address(of_channel, post=OWNERS),
    "alert-channel-remove": Address(of_channel, get=OWNERS, post=OWNERS),
    "replays": Address(get=PEOPLE),
    # Sent empty, it leads back to the list.
    "replay-new": Address(post=PEOPLE),
    "replay": Address(of_replay, get=TEAM),
    "replay-records": Address(of_replay, get=TEAM),
    "replay-settings": Address(of_replay, post=TEAM),
    "replay-safe": Address(of_replay, post=TEAM),
    "replay-start": Address(of_replay, post=TEAM),
    # The second person is of staff.
    "replay-agree": Address(of_replay, post=OWNERS._replace(owner=REFUSED)),
    "replay-decline": Address(of_replay, post=TEAM),
    "replay-pause": Address(of_replay, post=TEAM),
    "replay-go-on": Address(of_replay, post=TEAM),
    "replay-stop": Address(of_replay, get=TEAM, post=TEAM),
}
# Not for people: they answer to a signature or a token, and tests/pipeline/test_receive.py and
# tests/web/test_operators.py walk them.
FOR_MACHINES = {"metrics", "shopify-compliance", "shopify-webhook"}
