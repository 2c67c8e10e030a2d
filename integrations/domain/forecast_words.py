"""A forecast in sentences for whoever decides whether to start; support reads the codes besides."""

from collections.abc import Iterable

import msgspec

from .audits import (
    ARRIVED,
    BAD_DATE,
    ELSEWHERE,
    GUEST,
    NEW,
    NOBODY_BAD_EMAIL,
    NULL_FIELD,
    TRUNCATED,
)
from .estimates import Basis, Binds, Estimate, Remaining
from .explanations import explain
from .forecast import Ends, Forecast, Reach, Sight, Stage, Trouble
from .skips import SENTENCES, Skip

INFO, WARN, GOOD = "info", "warn", "good"


class Said(msgspec.Struct, frozen=True):
    """One thing a merchant reads, how much it matters, and what to do about it."""

    code: str
    tone: str
    sentence: str
    advice: str = ""


_REASONS: dict[str, tuple[str, str]] = {
    NEW: ("Klaviyo does not have this yet, or has something older.", ""),
    ARRIVED: ("This arrived before and is left out, as you chose.", ""),
    NOBODY_BAD_EMAIL: (
        "The e-mail address is not a possible one, and there is no usable phone number.",
        "Correct the address in the shop before you start; then it comes along.",
    ),
    NULL_FIELD: (
        "Something is empty in the shop that must not be.",
        "Open the record in the shop, fill in what is missing and save it.",
    ),
    BAD_DATE: (
        "A date in this record is not a believable one.",
        "Check the dates of this record in the shop and save it again.",
    ),
    TRUNCATED: (
        "The shop shows only a part of this order, because it has very many lines.",
        "Half an order is never sent. Our support can fetch it on its own.",
    ),
}
_REMARKS: dict[str, tuple[str, str]] = {
    GUEST: (
        "These orders were placed without an account in the shop. They go to the e-mail address "
        "of the order.",
        "",
    ),
    ELSEWHERE: (
        "These people are known from another shop that feeds the same Klaviyo account. They keep "
        "one profile there, with the orders of both shops.",
        "If the shops should not share people, each needs a Klaviyo account of its own.",
    ),
    "bad_email": (
        "The e-mail address is not a possible one and is left out.",
        "Correct it in the shop before you start, so that the right person is found.",
    ),
    "bad_phone": (
        "The phone number is not a possible one and is left out. The rest is sent.",
        "A number needs its country code, like +49 30 1234567.",
    ),
}


def reason(code: str, ends: Ends) -> tuple[str, str]:
    """Why records would end like this, and what could be done, each one sentence or two."""
    if code in _REASONS:
        return _REASONS[code]
    if code in set(Skip):
        return SENTENCES[Skip(code)], ""
    if ends is Ends.FAILED and code.startswith("rule_"):
        rule = code.removeprefix("rule_")
        found = explain("klaviyo", "invalid", field=rule, rule=rule)
    else:
        found = explain("shopify", "unreadable", rule=code)
    return found.sentence, found.suggestion


def remark(code: str) -> tuple[str, str]:
    """What is worth knowing about these records, and what could be done."""
    return _REMARKS[code]


def looked(forecast: Forecast) -> str:
    """How much the figures rest on."""
    if forecast.stage in {Stage.COUNTS, Stage.AUDIT} and not forecast.looked:
        return "We are asking the shop how much there is."
    if forecast.is_whole:
        return f"We looked at all {forecast.looked:,} records; these figures are exact."
    if forecast.total is None:
        return (
            f"We looked at {forecast.looked:,} records. The shop does not say how many there are."
        )
    return (
        f"We looked at {forecast.looked:,} of {forecast.total:,} records, the newest, the oldest "
        "and some between; the figures are an estimate from them."
    )


def windows(forecast: Forecast) -> list[Said]:
    """What is known of the periods: fetched before, hidden from us, out of reach."""
    said = []
    if done := sum(1 for one in forecast.windows if one.complete_since):
        said.append(
            Said(
                "complete",
                INFO,
                f"{done} of {len(forecast.windows)} periods were fetched before. They are read "
                "again, and what has not changed is not sent again.",
            )
        )
    hidden = [one for one in forecast.windows if one.stream == "orders"]
    if any(one.sight is not Sight.ALL for one in hidden) and _has(forecast, "read_orders"):
        said.append(
            Said(
                "sixty_days",
                WARN,
                "The shop shows us orders of the last 60 days only. Older ones are not in these "
                "figures and would not be fetched.",
                "Connect the shop again and allow access to all orders; then plan anew.",
            )
        )
    return said + [_out_of_reach(one) for one in forecast.troubles if _is_scope(one)]


def _has(forecast: Forecast, scope: str) -> bool:
    return scope in (forecast.scopes or ())


def _is_scope(trouble: Trouble) -> bool:
    return trouble.code == "missing_scope" and trouble.about in {"orders", "customers", "products"}


def _out_of_reach(trouble: Trouble) -> Said:
    return Said(
        f"missing_scope:{trouble.message}",
        WARN,
        f"The shop does not let us see its {trouble.about}.",
        "Connect the shop again and allow it; then plan anew.",
    )


# --- time -----------------------------------------------------------------------------------------


_BINDS: dict[Binds, str] = {
    Binds.NOTHING: "There is nothing to fetch.",
    Binds.SHOP_POINTS: "The shop allows only so many questions a second, and that decides.",
    Binds.SHOP_PACE: "How quickly the shop answers decides.",
    Binds.SHOP_EXPORT: "How quickly the shop writes its large exports decides; that is a guess.",
    Binds.KLAVIYO_BURST: "Klaviyo allows only so many calls a second, and that decides.",
    Binds.KLAVIYO_STEADY: "Klaviyo allows only so many calls a minute, and that decides.",
}


def duration(seconds: float) -> str:
    """A length of time as people say it, rounded up."""
    if seconds < 60:
        return "less than a minute"
    minutes = int(-(-seconds // 60))
    if minutes < 120:
        return f"about {minutes} minutes"
    hours = int(-(-minutes // 60))
    return f"about {hours} hours" if hours < 48 else f"about {int(-(-hours // 24))} days"


def takes(estimate: Estimate) -> str:
    """How long it takes, and why."""
    if estimate.binds is Binds.NOTHING:
        return _BINDS[Binds.NOTHING]
    calls = f"{estimate.calls('shopify'):,} questions to the shop"
    sent = f"{estimate.calls('klaviyo'):,} calls to Klaviyo"
    is_known = estimate.measured or estimate.binds is Binds.SHOP_EXPORT
    basis = "" if is_known else " Not all of the reading could be measured beforehand."
    time = duration(estimate.seconds)
    return f"It takes {time}, with {calls} and {sent}. {_BINDS[estimate.binds]}{basis}"


_BASIS: dict[Basis, str] = {
    Basis.NONE: "Nothing is left.",
    Basis.TOO_EARLY: "It is too early to say how long it takes.",
    Basis.STANDS: "Nothing has arrived in the last minutes, so no time can be named.",
    Basis.RECENT: "from the pace of the last five minutes",
    Basis.OVERALL: "from the pace since the start",
}


def left(remaining: Remaining) -> str:
    """How long a running job will still take, and what that rests on."""
    basis = _BASIS[remaining.basis]
    if remaining.time is None:
        if remaining.records is None and remaining.per_minute:
            return "The shop does not say how many records there are, so no time can be named."
        return basis
    if remaining.basis is Basis.NONE:
        return basis
    time = duration(remaining.time.total_seconds())
    return f"{time.capitalize()} left, {basis}: {remaining.per_minute:,.0f} records a minute."


# --- Klaviyo --------------------------------------------------------------------------------------


def silence(forecast: Forecast, *, silent: bool) -> list[Said]:
    """Whether customers could get messages because of this."""
    if not any(one.stream == "orders" for one in forecast.windows):
        return [_profiles()]
    return [_quiet() if silent else _loud(forecast), *_flow_sight(forecast, silent), _profiles()]


def _quiet() -> Said:
    return Said(
        "silent",
        GOOD,
        "Nobody gets an e-mail or a text because of these orders. Each is marked as history: "
        "Klaviyo keeps it and counts it, and starts no flow because of it.",
    )


def _loud(forecast: Forecast) -> Said:
    flows = [one for one in forecast.klaviyo.flows if one.is_live]
    young = max((one.young for one in flows), default=0)
    most = max((one.people for one in flows), default=0)
    if not flows:
        return Said(
            "loud",
            WARN,
            "The orders are not marked as history, so flows may start because of them.",
            "Switch the silent mode on again unless you want that.",
        )
    about = "" if forecast.is_whole else "about "
    names = _names(f"{one.name} ({one.metric})" for one in flows)
    least = "" if forecast.young_is_whole else "at least "
    return Said(
        "loud",
        WARN,
        f"The orders are not marked as history. These flows could send messages: {names}. "
        f"{least.capitalize()}{_people(young)} with an order younger than four hours could get "
        f"one at once. A flow whose first delay is longer reaches further back, up to "
        f"{about}{_people(most)}.",
        "Switch the silent mode on again unless you want that.",
    )


def _flow_sight(forecast: Forecast, silent: bool) -> Iterable[Said]:
    view = forecast.klaviyo
    if forecast.stage is not Stage.READY:
        return
    if not (view.looked_at_metrics and view.looked_at_flows):
        yield Said(
            "flows_unseen",
            INFO if silent else WARN,
            "We could not look which flows listen to these orders, so there may be some.",
            "Allow the reading of flows in Klaviyo, or look there under Flows.",
        )
        return
    live = [one for one in view.flows if one.is_live]
    if silent and live:
        yield Said(
            "flows_held",
            INFO,
            f"These flows listen to what is sent, and would start without the silent mode: "
            f"{_names(one.name for one in live)}.",
        )
    elif not live:
        yield Said("no_flows", INFO, "No live flow listens to what is sent.")


def _profiles() -> Said:
    # Klaviyo has the flag on events only; what a changed profile does is decided in the account.
    return Said(
        "profiles",
        INFO,
        "Profiles are brought up to date as well, and a profile has no such mark. A flow that "
        "starts when somebody comes into a segment may start because of that.",
        "If you have such flows, look at them before you start.",
    )


def twins(forecast: Forecast) -> list[Said]:
    """Whether somebody else writes the same things to the account."""
    view = forecast.klaviyo
    if not view.twins:
        return [] if view.looked_at_metrics or forecast.stage is not Stage.READY else [_unseen()]
    who = _names(dict.fromkeys(one.integration for one in view.twins))
    what = _names(dict.fromkeys(one.name for one in view.twins))
    said = [
        Said(
            "twins",
            WARN,
            f"{who} writes the same things to this Klaviyo account: {what}. Each order may then "
            "stand there twice.",
            "Decide which of the two should write orders, and switch the other off.",
        )
    ]
    if any(one.kind == "placed_order" for one in view.twins):
        said.append(_revenue(forecast))
    return said


def _revenue(forecast: Forecast) -> Said:
    view = forecast.klaviyo
    other = next((one.integration for one in view.twins if one.is_revenue), "")
    if other:
        return Said(
            "revenue_theirs",
            WARN,
            f"Klaviyo's revenue reports count the orders of {other}, not those we send.",
            "To count ours, change it in Klaviyo under Settings, Metrics, Mapped metrics.",
        )
    if view.revenue_is_ours:
        return Said(
            "revenue_ours",
            INFO,
            "Klaviyo's revenue reports count the orders we send, so they are not counted twice "
            "there. Reports and segments on the other metric are.",
        )
    return Said(
        "revenue_unknown",
        WARN,
        "We could not see which orders Klaviyo's revenue reports count. They may count both.",
        "Look in Klaviyo under Settings, Metrics, Mapped metrics, before you start.",
    )


def _unseen() -> Said:
    return Said(
        "twins_unseen",
        WARN,
        "We could not look whether another connection writes the same orders to Klaviyo.",
        "Look in Klaviyo under Integrations whether your shop is connected there as well.",
    )


def reached(reach: Reach, *, exact: bool) -> str:
    """How many people get a new entry of one kind."""
    return f"{reach.metric}: {'' if exact else 'about '}{_people(reach.people)}"


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _names(names: Iterable[str]) -> str:
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def troubles(forecast: Forecast) -> list[Said]:
    """What could not be looked at, apart from permissions that are named elsewhere."""
    said = []
    for one in forecast.troubles:
        about = one.about.split(":")[0]
        if not _is_scope(one) and about in _TROUBLES:
            said.append(Said(f"{one.about}:{one.code}", WARN, _TROUBLES[about]))
    return list({one.sentence: one for one in said}.values())


_TROUBLES = {
    "shop": "The shop did not let us in, so we could not look at what it has.",
    "count": "The shop did not say how much there is in some periods.",
    "look": "Some records could not be read, so the figures leave them out.",
    "klaviyo": "Klaviyo did not answer, so we could not look who listens there.",
    "mapped-metrics": "Klaviyo did not say which orders its revenue reports count.",
    "plan": "This plan could not be finished. Our support can see why.",
}
