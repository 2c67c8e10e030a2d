"""A forecast as plain text, for a terminal."""

from collections.abc import Iterator

from integrations.domain import forecast_words
from integrations.domain.forecast import Ends, Forecast
from integrations.models import SyncJob

_ENDS = {
    Ends.SENT: "to be sent",
    Ends.UNCHANGED: "at Klaviyo already",
    Ends.SKIPPED: "nothing to send",
    Ends.FAILED: "would fail",
    Ends.LEFT_OUT: "left out",
}


def lines(job: SyncJob, forecast: Forecast) -> Iterator[str]:
    """Say what a job would do: how much, what becomes of it, how long, and who is reached."""
    yield f"{job} · {', '.join(job.streams)} · {len(forecast.windows)} periods, newest first"
    for one in forecast.windows:
        count = "not said" if one.count is None else f"{one.count:,}"
        about = "" if one.exact else " or so"
        yield f"  {one.since:%Y-%m-%d} to {one.until:%Y-%m-%d}  {one.stream:<10} {count}{about}"
    yield forecast_words.looked(forecast)
    for audit in forecast.audits:
        yield f"{audit.stream.capitalize()}:"
        for reason in audit.reasons:
            sentence, advice = forecast_words.reason(reason.code, reason.ends)
            yield f"  {reason.expected:>9,} {_ENDS[reason.ends]}: {sentence}"
            if reason.ends in {Ends.SKIPPED, Ends.FAILED}:
                yield from (f"            for example {one.name}" for one in reason.examples)
                if advice:
                    yield f"            {advice}"
        for remark in audit.remarks:
            yield f"  {remark.expected:>9,} besides: {forecast_words.remark(remark.code)[0]}"
    if forecast.estimate:
        yield forecast_words.takes(forecast.estimate)
    said = [
        *forecast_words.windows(forecast),
        *forecast_words.silence(forecast, silent=job.silent),
        *forecast_words.twins(forecast),
        *forecast_words.troubles(forecast),
    ]
    for remark_on in said:
        yield f"{'!' if remark_on.tone == forecast_words.WARN else '-'} {remark_on.sentence}"
        if remark_on.advice:
            yield f"  {remark_on.advice}"
