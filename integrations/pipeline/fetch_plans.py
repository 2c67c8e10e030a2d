"""What is shown of a fetch before it starts: its periods, and what was found out beforehand."""

import msgspec

from integrations.domain import forecast_words as words
from integrations.domain.fetches import what
from integrations.domain.forecast import Ends, Forecast, Reason, Remark, Sight, WindowPlan
from integrations.domain.forecast_words import Said
from integrations.models import SyncJob, SyncWindow

from . import forecasts, sync_jobs
from .fetch_pages import windows_of

ENDS = {
    Ends.SENT: "would be sent",
    Ends.UNCHANGED: "already there",
    Ends.SKIPPED: "would not be sent, by a rule",
    Ends.FAILED: "would fail",
    Ends.LEFT_OUT: "left out, having arrived before",
}


class Row(msgspec.Struct):
    """One period, with what is known of it."""

    window: SyncWindow
    known: WindowPlan | None

    @property
    def count(self) -> int | None:
        """How many records the shop has in it."""
        return self.window.expected if self.known is None else self.known.count

    @property
    def note(self) -> str:
        """What is special about it."""
        if self.known is None:
            return ""
        if self.known.sight is Sight.NONE:
            return "the shop does not show us these"
        if self.known.sight is Sight.PART:
            return "the shop shows us a part of these"
        return "fetched before" if self.known.complete_since else ""


class Finding(msgspec.Struct):
    """Why so many records would end in one way, with examples."""

    stream: str
    count: int
    ends: str
    sentence: str
    advice: str
    examples: list[str]
    bad: bool


class Plan(msgspec.Struct):
    """What is known of a fetch before it starts."""

    job: SyncJob
    rows: list[Row]
    rival: SyncJob | None
    # Why it cannot be started at all, and what to do.
    refusal: str
    forecast: Forecast | None

    @property
    def what(self) -> str:
        """What it brings in."""
        return what(self.job.streams)

    @property
    def busy(self) -> bool:
        """Whether it is still being looked at."""
        return self.forecast is None or not self.forecast.is_ready

    @property
    def expected(self) -> int | None:
        """How many records the shop says there are; None while any period is not counted."""
        if self.forecast is not None:
            return self.forecast.total
        counts = [row.count for row in self.rows]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def looked(self) -> str:
        """What the figures rest on."""
        return words.looked(self.forecast) if self.forecast else ""

    @property
    def takes(self) -> str:
        """How long it takes, and whose limit decides."""
        estimate = self.forecast.estimate if self.forecast else None
        return words.takes(estimate) if estimate else ""

    @property
    def said(self) -> list[Said]:
        """What to know about periods, another writer, and what could not be looked at."""
        if self.forecast is None:
            return []
        found = self.forecast
        return [*words.windows(found), *words.twins(found), *words.troubles(found)]

    @property
    def silence(self) -> list[Said]:
        """Whether customers could get messages because of this."""
        return words.silence(self.forecast, silent=self.job.silent) if self.forecast else []

    @property
    def reached(self) -> list[str]:
        """How many people get a new entry of each kind."""
        if self.forecast is None:
            return []
        exact = self.forecast.is_whole
        return [words.reached(one, exact=exact) for one in self.forecast.reach if one.people]

    @property
    def findings(self) -> list[Finding]:
        """What would become of the records, and why: what fails first."""
        if self.forecast is None:
            return []
        found: list[Finding] = []
        for audit in self.forecast.audits:
            found += [_finding(audit.stream, one) for one in audit.reasons]
            found += [_finding(audit.stream, one) for one in audit.remarks]
        return sorted(found, key=lambda one: (not one.bad, -one.count))


def read(job: SyncJob) -> Plan:
    """Read what is known of a fetch before it starts."""
    forecast = forecasts.read(job)
    known = {(one.stream, one.since): one for one in forecast.windows} if forecast else {}
    rows = [Row(one, known.get((one.stream, one.since))) for one in windows_of(job)]
    refusal = sync_jobs.unreadable(job.store, job.streams)
    return Plan(job, rows, sync_jobs.overlapping(job), refusal, forecast)


def _finding(stream: str, one: Reason | Remark) -> Finding:
    ends = one.ends if isinstance(one, Reason) else None
    sentence, advice = words.reason(one.code, ends) if ends else words.remark(one.code)
    examples = [
        f"{example.name or example.source_id} {example.shows}".strip() for example in one.examples
    ]
    return Finding(
        stream,
        one.expected or one.seen,
        ENDS[ends] if ends else "",
        sentence,
        advice,
        examples,
        ends is Ends.FAILED,
    )
