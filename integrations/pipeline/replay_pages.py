"""What the pages of sending again show, before it begins and from then on. Read-only."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.db.models import Count, Q

from integrations.domain.friction import Friction, friction, needs_second, refusal
from integrations.domain.permissions import Capability, allows
from integrations.domain.replay_words import (
    OUTCOMES,
    PROSPECTS,
    SAFE,
    STAGES,
    STATES,
    UNKNOWN,
    Words,
)
from integrations.domain.replays import AT_WORK, OVER, ItemState, ReplayState, Stage
from integrations.models import Cause, Replay, ReplayItem, Store, User

from . import replay_lists, replays, roles
from .failed_lists import FailedFilter

REASONS_SHOWN = 8
# What still comes to an end.
_UNDER_WAY = (ItemState.WAITING, ItemState.ON_WAY)
_PLACES = list(Stage)


class Wait(msgspec.Struct, frozen=True):
    """Why nothing goes out at this moment, until when, and the page of what helps."""

    sentence: str
    until: datetime | None = None
    help: str = ""
    of: UUID | None = None
    button: str = ""


class Figure(msgspec.Struct):
    """A number that opens the list of what it counts."""

    part: str
    number: int
    words: Words


class May(msgspec.Struct):
    """What the reader may do, and who may where they may not."""

    send: bool
    loud: bool
    tune: bool
    agree: bool
    # Why the button that begins is not theirs to press; empty where it is.
    refusal: str


class Plan(msgspec.Struct):
    """Everything the page shows before anything is sent."""

    replay: Replay
    figures: list[Figure]
    may: May
    # How many would be sent: those that still wait for a decision and have content.
    waiting: int

    @property
    def badge(self) -> tuple[str, str]:
        """Its state as a code and a word."""
        return STATES[ReplayState(self.replay.state)]

    def number(self, part: str) -> int:
        """How many are in a part."""
        return next((one.number for one in self.figures if one.part == part), 0)

    @property
    def safe(self) -> int:
        """How many can be sent again without harm and with a use."""
        return sum(self.number(one) for one in SAFE)

    @property
    def unsafe(self) -> int:
        """How many are known not to be."""
        return self.waiting - self.safe - self.number(UNKNOWN)

    @property
    def looking(self) -> bool:
        """Whether what would happen is still being found out."""
        return bool(self.replay.forecast_at is None and self.waiting)

    @property
    def looked(self) -> int:
        """How many have been looked at."""
        return self.waiting - self.number(UNKNOWN)

    @property
    def friction(self) -> Friction:
        """What is asked of whoever begins."""
        return friction(self.waiting)

    @property
    def typed(self) -> bool:
        """Whether the number has to be typed."""
        return self.friction is Friction.TYPED

    @property
    def needs_second(self) -> bool:
        """Whether a second person has to agree."""
        return needs_second(self.waiting)


class Step(msgspec.Struct):
    """One stage, and where it stands: done, now or later."""

    stage: str
    label: str
    state: str


class Reason(msgspec.Struct):
    """A reason for which records failed again, and how many."""

    cause: Cause
    number: int


class Result(msgspec.Struct):
    """Everything the page shows from the start on."""

    replay: Replay
    figures: list[Figure]
    reasons: list[Reason]
    meanwhile: int
    hold: Wait | None
    may: May
    # How many are taken off the list and not put back.
    taken: int
    # Records a minute on average since it began; None before a minute has passed.
    pace: int | None

    def number(self, part: str) -> int:
        """How many are in a part."""
        return next((one.number for one in self.figures if one.part == part), 0)

    @property
    def failed(self) -> int:
        """How many failed again."""
        return self.number(ItemState.FAILED)

    @property
    def left_out(self) -> int:
        """How many were not sent."""
        return self.number(ItemState.LEFT_OUT)

    @property
    def arrived(self) -> int:
        """How many are where they belong."""
        return self.number(ItemState.SENT) + self.number(ItemState.KNOWN)

    @property
    def ended(self) -> int:
        """How many have come to an end."""
        return self.replay.total - sum(self.number(one) for one in _UNDER_WAY)

    @property
    def on_way(self) -> int:
        """How many were let go and have not ended."""
        return self.number(ItemState.ON_WAY)

    @property
    def waits(self) -> int:
        """How many wait for their turn."""
        return self.number(ItemState.WAITING)

    @property
    def moved(self) -> int:
        """How far it is: taken off the list, put back, or come to an end."""
        match self.replay.state:
            case ReplayState.BEGINNING:
                return self.taken + self.left_out
            case ReplayState.CANCELLING:
                return self.replay.total - self.waits
        return self.ended

    @property
    def percent(self) -> int:
        """How much of that is done."""
        return 100 * self.moved // self.replay.total if self.replay.total else 100

    @property
    def badge(self) -> tuple[str, str]:
        """Its state as a code and a word."""
        if self.replay.state == ReplayState.RUNNING and self.hold:
            return "waiting", "Waiting"
        return _badge(self.replay, self.failed)

    @property
    def running(self) -> bool:
        """Whether it goes on by itself."""
        return self.replay.state == ReplayState.RUNNING

    @property
    def over(self) -> bool:
        """Whether nothing of it can go on."""
        return self.replay.state in OVER

    @property
    def busy(self) -> bool:
        """Whether looking again soon shows something new."""
        return self.replay.state in AT_WORK or self.on_way > 0

    @property
    def steps(self) -> list[Step]:
        """One, ten, the rest: those that these records need."""
        now = _PLACES.index(Stage(self.replay.stage))
        done = self.replay.state == ReplayState.DONE
        needed = {Stage.ONE: 0, Stage.TEN: 1, Stage.REST: 11}
        return [
            Step(
                stage, label, "done" if done or place < now else "now" if place == now else "later"
            )
            for place, (stage, label) in enumerate(STAGES.items())
            if self.replay.total > needed[stage]
        ]


class Told(msgspec.Struct):
    """One line of the list of all of them."""

    replay: Replay
    failed: int

    @property
    def badge(self) -> tuple[str, str]:
        """Its state as a code and a word."""
        return _badge(self.replay, self.failed)


def plan(replay: Replay, user: User) -> Plan:
    """What would happen, counted by how each record would end."""
    counts = replay_lists.planned(replay)
    figures = [Figure(part, counts[part], words) for part, words in PROSPECTS.items()]
    waiting = replays.open_now(replay)
    return Plan(replay, figures, may(replay, user, waiting), waiting)


def result(replay: Replay, user: User, *, now: datetime) -> Result:
    """What became of each record so far."""
    counts = replays.counts(replay)
    taken = counts[ItemState.WAITING]
    # What is not taken off the list yet waits as well, in the figures as in their lists.
    counts[ItemState.WAITING] += counts[ItemState.LISTED]
    return Result(
        replay=replay,
        figures=[Figure(part, counts[ItemState(part)], words) for part, words in OUTCOMES.items()],
        reasons=_reasons(replay) if counts[ItemState.FAILED] else [],
        meanwhile=replays.joined(replay),
        hold=_hold(replay, now),
        may=may(replay, user, replay.total),
        taken=taken,
        pace=_pace(replay, replays.ended(counts), now),
    )


def may(replay: Replay, user: User, number: int) -> May:
    """What somebody may do with it."""
    role = roles.role_of(user, replay.merchant)
    loud = allows(role, Capability.REPLAY_LOUD)
    why_not = refusal(role, number)
    if not replay.silent and not loud:
        why_not = "Only an owner or support can start this, because flows may start."
    return May(
        send=allows(role, Capability.SEND_AGAIN),
        loud=loud,
        tune=user.is_staff,
        agree=allows(role, Capability.APPROVE_REPLAY) and replay.asked_by_id != user.pk,
        refusal=why_not,
    )


def told(replays: list[Replay]) -> list[Told]:
    """What a list says of each: what counting costs is only what failed."""
    failed = dict(
        ReplayItem.objects.filter(replay__in=replays, state=ItemState.FAILED)
        .values_list("replay")
        .annotate(n=Count("pk"))
        .order_by()
    )
    return [Told(one, failed.get(one.pk, 0)) for one in replays]


def chosen_by(replay: Replay) -> str:
    """The address of the list the records were chosen from; empty when they were named singly."""
    chosen = {str(name): str(value) for name, value in replay.selection.items()}
    if "ids" in chosen:
        return ""
    return urlencode(FailedFilter.from_query(chosen).to_query())


def _badge(replay: Replay, failed: int) -> tuple[str, str]:
    if replay.state == ReplayState.DONE and failed:
        return "partly", "Done, some failed"
    return STATES[ReplayState(replay.state)]


def _reasons(replay: Replay) -> list[Reason]:
    counted = list(
        replay_lists.of_part(replay, ItemState.FAILED)
        .values("dead_letter__cause")
        .annotate(n=Count("pk"))
        .order_by("-n", "dead_letter__cause")[:REASONS_SHOWN]
    )
    found = Cause.objects.in_bulk([row["dead_letter__cause"] for row in counted])
    return [Reason(found[row["dead_letter__cause"]], row["n"]) for row in counted]


def _pace(replay: Replay, ended: int, now: datetime) -> int | None:
    if replay.started_at is None:
        return None
    minutes = ((replay.finished_at or now) - replay.started_at).total_seconds() / 60
    return round(ended / minutes) if minutes >= 1 and ended else None


def _hold(replay: Replay, now: datetime) -> Wait | None:
    """What a running replay waits for; None while it goes on."""
    if replay.state != ReplayState.RUNNING:
        return None
    stores = Store.objects.filter(merchant=replay.merchant).select_related("klaviyo_account")
    troubled = stores.filter(
        Q(paused_at__isnull=False)
        | Q(klaviyo_account__held_since__isnull=False)
        | Q(klaviyo_account__tripped_at__isnull=False)
    )
    own = ReplayItem.objects.filter(replay=replay, state__in=_UNDER_WAY)
    for store in troubled.order_by("id"):
        if own.filter(dead_letter__store=store).exists():
            return _trouble(store)
    if replay.wait_reason:
        until = replay.next_turn_at if replay.next_turn_at > now else None
        return Wait(replay.wait_reason.rstrip(".") + ".", until=until)
    return None


def _trouble(store: Store) -> Wait:
    if store.paused_at:
        return Wait(
            f"{store.name} is paused. Its records go out when it goes on.",
            help="store",
            of=store.public_id,
            button="See the shop",
        )
    if store.klaviyo_account.held_since:
        return Wait(
            "Klaviyo does not let us in. Nothing is lost; it goes on when the login works.",
            help="account-reconnect",
            of=store.klaviyo_account.public_id,
            button="Reconnect",
        )
    return Wait(
        "Klaviyo has trouble at the moment. It goes on by itself when Klaviyo answers again.",
        help="account",
        of=store.klaviyo_account.public_id,
        button="See what is known",
    )
