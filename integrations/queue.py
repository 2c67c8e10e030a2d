"""The names of all tasks, how to ask for one, how many wait: the only module to know the queue."""

from datetime import datetime

from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

DRAIN = "integrations.tasks.drain"
PAST = "integrations.tasks.drain_past"
SWEEP = "integrations.tasks.sweep"
READ = "integrations.tasks.read_windows"
UNDO = "integrations.tasks.take_back"
REPLAY = "integrations.tasks.send_again"
PROBE = "integrations.tasks.probe"
FORECAST = "integrations.tasks.forecast"
GROUP_REPAIR = "integrations.tasks.repair_groups"
BIN = "integrations.tasks.move_binned"
ERASE = "integrations.tasks.erase"
PRUNE = "integrations.tasks.prune"
LOGINS = "integrations.tasks.look_after_logins"
SUBSCRIPTIONS = "integrations.tasks.look_at_subscriptions"
NOTICES = "integrations.tasks.send_notices"
CAUSES = "integrations.tasks.look_after_causes"
FIGURES = "integrations.tasks.count_figures"
ALERTS = "integrations.tasks.look_after_alerts"
ALERTS_OUT = "integrations.tasks.tell_of_alerts"

# Schedules that must exist, and how often each runs, in minutes.
SCHEDULES = {
    SWEEP: 1,
    PRUNE: 60,
    LOGINS: 1,
    SUBSCRIPTIONS: 1,
    NOTICES: 1,
    CAUSES: 1,
    FIGURES: 1,
    ALERTS: 1,
    ALERTS_OUT: 1,
}


def ask_for(task: str) -> None:
    """Ask a worker to run a task soon. Asking twice does no harm, and a lost ask is swept up."""
    async_task(task, task_name=task.rsplit(".", 1)[-1])


def overdue(*, now: datetime) -> dict[str, float]:
    """The regular tasks that should have begun before now, each with the minutes since then."""
    late = Schedule.objects.filter(name__in=SCHEDULES, next_run__lt=now)
    rows = late.values_list("name", "next_run")
    return {name: (now - due).total_seconds() / 60 for name, due in rows}


def length(*, most: int) -> int:
    """How many tasks wait for a worker or are at one; counted up to a number."""
    return int(OrmQ.objects.all()[:most].count())
