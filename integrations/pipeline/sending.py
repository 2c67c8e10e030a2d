"""Sending what must be sent: which endpoint, within which budget, and what the answers mean."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from integrations.domain import breaking
from integrations.domain.batches import split
from integrations.domain.failures import Failure, FailureKind
from integrations.domain.lanes import Lane
from integrations.platforms.http import Answer, NoAnswer
from integrations.platforms.klaviyo import answers
from integrations.platforms.klaviyo.bodies import assemble
from integrations.platforms.klaviyo.client import Klaviyo, allowance, created_id
from integrations.platforms.klaviyo.endpoints import FACTS, MOST_BYTES, Endpoint

from . import budgets
from .items import Item, Outcome
from .routing import FEW, MANY, SIBLINGS, phases, seat
from .steps import Steps

# Requests in one round, so that a round is shorter than a lease.
AT_ONCE = 8
# A wait this short is sat out with the lane in hand; a longer one gives the lane back. A full
# burst window is free again after a second and a quarter.
SHORT_WAIT = timedelta(seconds=1.5)

# Budget for these is asked for again after what was granted has been sent.
LATER = (Endpoint.EVENTS, 0)

Clock = Callable[[], datetime]


@dataclass(slots=True)
class CallRecord:
    """One call that was made, to be kept as proof."""

    endpoint: Endpoint
    started_at: datetime
    milliseconds: int
    status: int | None
    items: int
    sent_bytes: int
    error: str = ""
    request_id: str = ""


@dataclass(slots=True)
class JobRecord:
    """A bulk job that Klaviyo took."""

    endpoint: Endpoint
    remote_id: str
    items: list[Item]
    submitted_at: datetime


@dataclass(slots=True)
class Report:
    """What came of sending: on the items themselves, and here for the whole account."""

    calls: list[CallRecord] = field(default_factory=list)
    jobs: list[JobRecord] = field(default_factory=list)
    wait_until: datetime | None = None
    wait_reason: str = ""
    auth_failure: Failure | None = None
    troubled: Failure | None = None
    # Whether any call was answered in a way that shows that the platform is there.
    answered: bool = False

    @property
    def got_nowhere(self) -> bool:
        """Whether calls failed and none was answered; what is left is then not even tried."""
        return self.troubled is not None and not self.answered


@dataclass(slots=True)
class Sender:
    """One batch on its way to one account."""

    client: Klaviyo
    account_id: int
    lane: Lane
    clock: Clock
    stopping: Callable[[], bool]
    # Called before each round of calls; raises when the lane is no longer ours.
    keep_lease: Callable[[], None]
    # Whether a sibling endpoint will do where one is exhausted.
    may_swap: bool = True
    report: Report = field(default_factory=Report)

    def send(self, items: list[Item]) -> Steps[Report]:
        """Send all items and note on each what became of it."""
        if self.lane is Lane.LIVE:
            items = seat(items)
        for phase in phases(items):
            pieces = [piece for group in phase for piece in self._requests(*group)]
            while pieces:
                self.keep_lease()
                again = yield from self._round(pieces[:AT_ONCE])
                pieces = again + pieces[AT_ONCE:]
        return self.report

    def _requests(self, endpoint: Endpoint, items: list[Item]) -> list[tuple[Endpoint, list[Item]]]:
        sized = [(item, item.sent.profile + item.sent.content) for item in items]
        # Those that go one by one ask for their budget together.
        most = FACTS[endpoint].most if FACTS[endpoint].most > 1 else FEW
        # What wraps an item in a bulk body is below 300 bytes.
        most_bytes = MOST_BYTES - 300 * min(len(items), FACTS[endpoint].most)
        return [
            (endpoint, [item for item, _ in piece])
            for piece in split(sized, most=most, most_bytes=most_bytes)
        ]

    def _round(
        self, pieces: list[tuple[Endpoint, list[Item]]]
    ) -> Steps[list[tuple[Endpoint, list[Item]]]]:
        """Make the calls that are allowed, side by side; returns what must be sent again."""
        ready: list[tuple[Endpoint, list[Item]]] = []
        again: list[tuple[Endpoint, list[Item]]] = []
        for endpoint, items in pieces:
            if self.report.auth_failure or self.report.got_nowhere or self.stopping():
                _put_off(items)
                continue
            allowed = yield from self._allowed(endpoint, items, may_wait=not ready)
            if allowed is LATER:
                # What was granted is not held back for what was not: it would arrive in a second
                # that belongs to other calls.
                again.append((endpoint, items))
            elif allowed is not None:
                choice, most = allowed
                ready.append((choice, items[:most]))
                if rest := items[most:]:
                    again.append((endpoint, rest))
        calls = [(one, list(part)) for one, items in ready for part in _parts(one, items)]
        answered = yield [partial(self._call, *one) for one in calls]
        for (endpoint, items), result in zip(calls, answered, strict=True):
            again += self._judge(endpoint, items, result)
        return again

    def _allowed(
        self, endpoint: Endpoint, items: list[Item], *, may_wait: bool
    ) -> Steps[tuple[Endpoint, int] | None]:
        """Take budget: which endpoint, and how many of the items it is enough for.

        Where one endpoint is exhausted, its sibling is tried. LATER is for the next round, and
        None when the items are put off.
        """
        choices = [endpoint]
        sibling = SIBLINGS.get(endpoint)
        if sibling and self.may_swap and len(items) <= MANY:
            choices.append(sibling)
        while True:
            now, retry_at = self.clock(), None
            for choice in choices:
                wanted = len(items) if FACTS[choice].most == 1 else 1
                grant = budgets.take(
                    self.account_id, choice, wanted=wanted, lane=self.lane, now=now
                )
                if grant.calls:
                    return choice, len(items) if FACTS[choice].most > 1 else grant.calls
                retry_at = min(filter(None, (retry_at, grant.retry_at)), default=retry_at)
            retry_at = retry_at or now + timedelta(milliseconds=250)
            if retry_at - now > SHORT_WAIT or self.stopping():
                self._wait(items, retry_at, "Klaviyo's limit is used up for the moment.")
                return None
            if not may_wait:
                return LATER
            yield [partial(time.sleep, (retry_at - now).total_seconds())]

    def _call(self, endpoint: Endpoint, items: list[Item]) -> tuple[Answer | Failure, CallRecord]:
        body = assemble(endpoint, [(item.operation, item.sent) for item in items])
        record = CallRecord(endpoint, self.clock(), 0, None, len(items), len(body))
        try:
            answer = self.client.post(endpoint, body)
        except NoAnswer as exc:
            record.milliseconds, record.error = exc.milliseconds, exc.failure.message
            return exc.failure, record
        record.milliseconds, record.status = answer.milliseconds, answer.status
        record.request_id = answer.headers.get("x-request-id", "")[:100]
        return answer, record

    def _judge(
        self, endpoint: Endpoint, items: list[Item], result: tuple[Answer | Failure, CallRecord]
    ) -> list[tuple[Endpoint, list[Item]]]:
        answer, record = result
        number = len(self.report.calls)
        self.report.calls.append(record)
        for item in items:
            item.went_with(number)
        if isinstance(answer, Failure):
            self._retry(endpoint, items, answer)
            return []
        failure = answers.failure_of(answer)
        self.report.answered |= failure is None or not breaking.says_it_is_down(failure)
        if failure is None:
            self._accept(endpoint, items, answer)
            return []
        record.error = failure.message
        match failure.kind:
            case FailureKind.RATE_LIMITED:
                wait = failure.retry_after or answers.WAIT_UNNAMED
                until = budgets.block(self.account_id, endpoint, wait=wait, now=self.clock())
                self._wait(items, until, "Klaviyo asked us to wait.")
            case FailureKind.AUTH:
                self.report.auth_failure = failure
                _put_off(items)
            case FailureKind.REJECTED if failure.status not in {400, 409, 422}:
                for item in items:
                    item.end(Outcome.DEAD, failure)
                return _companions(items)
            case FailureKind.REJECTED | FailureKind.TOO_LARGE:
                return self._isolate(endpoint, items, answer, failure)
            case _:
                self._retry(endpoint, items, failure)
        return []

    def _accept(self, endpoint: Endpoint, items: list[Item], answer: Answer) -> None:
        now = self.clock()
        for item in items:
            item.end(Outcome.ACCEPTED)
        if FACTS[endpoint].is_job and (remote_id := created_id(answer)):
            self.report.jobs.append(JobRecord(endpoint, remote_id, items, now))
        if told := allowance(answer):
            budgets.learn(self.account_id, endpoint, told, now=now)

    def _isolate(
        self, endpoint: Endpoint, items: list[Item], answer: Answer, failure: Failure
    ) -> list[tuple[Endpoint, list[Item]]]:
        """Take out whom the refusal names and send the rest again; with no name, halve.

        Companions go their own way first, so that neither is put aside for the other's fault.
        """
        if others := _companions(items):
            return [(endpoint, items), *others]
        if len(items) == 1:
            items[0].end(Outcome.DEAD, failure)
            return []
        named: dict[int, Failure] = {}
        for one in answers.failures_of(answer):
            position = answers.position(one.pointer)
            if position is not None and position < len(items):
                named.setdefault(position, one)
        if not named:
            middle = len(items) // 2
            return [(endpoint, items[:middle]), (endpoint, items[middle:])]
        for position, one in named.items():
            items[position].end(Outcome.DEAD, one)
        rest = [item for number, item in enumerate(items) if number not in named]
        return [(endpoint, rest)] if rest else []

    def _retry(self, endpoint: Endpoint, items: list[Item], failure: Failure) -> None:
        if failure.retry_after:
            now = self.clock()
            budgets.block(self.account_id, endpoint, wait=failure.retry_after, now=now)
        self.report.troubled = failure
        for item in items:
            item.end(Outcome.RETRY, failure)

    def _wait(self, items: list[Item], until: datetime, reason: str) -> None:
        if self.report.wait_until is None or self.report.wait_until < until:
            self.report.wait_until, self.report.wait_reason = until, reason
        for item in items:
            item.wait(until)
        _put_off(items)


def _parts(endpoint: Endpoint, items: list[Item]) -> list[list[Item]]:
    return [[item] for item in items] if FACTS[endpoint].most == 1 else [items]


def _companions(items: Sequence[Item]) -> list[tuple[Endpoint, list[Item]]]:
    """Part events from their companions; returns how those go on."""
    parted = [companion for item in items if (companion := item.leave_companion())]
    return [one for phase in phases(parted) for one in phase]


def _put_off(items: Sequence[Item]) -> None:
    for item in items:
        item.end(Outcome.WAIT)
