"""What is exported for a monitoring system: names, words and labels, and nothing per shop.

Each is a gauge, computed from the tables when it is asked for, so that any web process gives the
same answer and a restart resets nothing. Labels take a fixed set of values: there is none for a
shop, an account or a person, so the number of series does not grow with the business.
"""

import msgspec


class Gauge(msgspec.Struct, frozen=True):
    """One figure: its name with its unit, what it means, and what tells its samples apart."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


# So many waiting messages are counted in a lane, so that a scrape costs the same in any trouble.
MOST_WAITING = 100_000
MOST_TASKS = 10_000
MOST_CALLS = 200_000

WAITING = Gauge(
    "syncconsole_messages_waiting",
    f"Messages on their way, by lane; at most {MOST_WAITING} are counted.",
    ("lane",),
)
OLDEST = Gauge(
    "syncconsole_oldest_due_age_seconds",
    "Since when the oldest message is due that nothing holds back, by lane; 0 when none is due.",
    ("lane",),
)
FAILED = Gauge(
    "syncconsole_failed_records", "Failed records, by what became of them since.", ("state",)
)
LAST_MINUTE = Gauge(
    "syncconsole_messages_last_minute",
    "Messages that arrived in the last counted minute, by what became of them so far.",
    ("outcome",),
)
TODAY = Gauge(
    "syncconsole_messages_today",
    "Messages that arrived since midnight UTC, by what became of them so far.",
    ("outcome",),
)
COUNTED = Gauge(
    "syncconsole_figures_age_seconds",
    "How long ago the last counted minute ended; the workers count.",
)
CALLS = Gauge(
    "syncconsole_calls_last_5_minutes",
    "Calls that began in the last five minutes, by platform and answer; none: no answer came. "
    f"At most {MOST_CALLS} are counted.",
    ("platform", "status"),
)
TURNED_AWAY = Gauge(
    "syncconsole_webhooks_turned_away_last_2_hours",
    "Webhooks refused in this clock hour and the one before it, by reason.",
    ("reason",),
)
HEARTBEAT = Gauge(
    "syncconsole_heartbeat_age_seconds",
    "Since when no part of a kind gave a sign of life; +Inf: there is none on record.",
    ("kind",),
)
LOGINS = Gauge("syncconsole_logins", "Logins at the platforms, by state.", ("state",))
BREAKERS = Gauge(
    "syncconsole_breakers_open",
    "Accounts and shops whose work waits because their platform has trouble.",
    ("platform",),
)
WINDOWS = Gauge(
    "syncconsole_past_windows",
    "Periods of fetches of past data that are not over, by state.",
    ("state",),
)
TASKS = Gauge(
    "syncconsole_queue_tasks",
    f"Tasks that wait for a worker; at most {MOST_TASKS} are counted.",
)
SCHEDULE = Gauge(
    "syncconsole_schedule_age_seconds",
    "How long ago a schedule last began to run; +Inf: there is no run on record.",
    ("schedule",),
)
MISSED = Gauge(
    "syncconsole_schedule_missed", "1 where a schedule should have run by now.", ("schedule",)
)

EVERY = (
    WAITING,
    OLDEST,
    FAILED,
    LAST_MINUTE,
    TODAY,
    COUNTED,
    CALLS,
    TURNED_AWAY,
    HEARTBEAT,
    LOGINS,
    BREAKERS,
    WINDOWS,
    TASKS,
    SCHEDULE,
    MISSED,
)
