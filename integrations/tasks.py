"""What workers run: read the clock, make one call into the pipeline."""

from functools import partial

from django.utils import timezone

from integrations import queue, stopping
from integrations.pipeline import (
    alerts,
    backfill,
    binning,
    bulk_tidy,
    catching_up,
    cause_figures,
    cause_parts,
    cause_states,
    deadman,
    drains,
    erasing,
    forecasts,
    group_repairs,
    jobs,
    maintenance,
    measuring,
    notices,
    probing,
    replaying,
    replays,
    schedule_runs,
    subscriptions,
    telling,
    undoing,
    upkeep,
)

# A schedule leaves a row for each of its runs.
scheduled = partial(schedule_runs.scheduled, clock=timezone.now)


def drain() -> int:
    """Work off what shops tell us now, and what is sent again."""
    return drains.drain(clock=timezone.now, stopping=stopping.is_due, leaving=stopping.asked)


def drain_past() -> int:
    """Work off past data; a deploy interrupts it at once, since nobody waits for it."""
    return drains.drain(of=drains.PAST, clock=timezone.now, stopping=stopping.asked)


def read_windows() -> int:
    """Read past data, window by window."""
    return backfill.read(clock=timezone.now, stopping=stopping.asked)


def forecast() -> int:
    """Find out what planned jobs would do."""
    return forecasts.work(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.SWEEP)
def sweep() -> None:
    """Find what a lost nudge or a dead worker left behind, and ask about jobs."""
    maintenance.sweep(now=timezone.now())
    catching_up.look_after(now=timezone.now())
    backfill.wake(now=timezone.now())
    bulk_tidy.tidy(clock=timezone.now, stopping=stopping.asked)
    forecasts.wake(now=timezone.now())
    jobs.follow_due(clock=timezone.now, stopping=stopping.asked)
    undoing.wake(now=timezone.now())
    replaying.wake(now=timezone.now())
    binning.wake(now=timezone.now())
    group_repairs.wake(now=timezone.now())
    erasing.wake(now=timezone.now())


def send_again() -> int:
    """Let failed records go that people send again."""
    return replaying.run(clock=timezone.now, stopping=stopping.asked)


def take_back() -> int:
    """Take back what people have confirmed, item by item."""
    return undoing.run(clock=timezone.now, stopping=stopping.asked)


def repair_groups() -> int:
    """Change failed records by the rules people have confirmed."""
    return group_repairs.run(clock=timezone.now, stopping=stopping.asked)


def move_binned() -> int:
    """Move into the bin, or out of it, what people have confirmed."""
    return binning.run(clock=timezone.now, stopping=stopping.asked)


def erase() -> int:
    """Erase what shops asked to be erased."""
    return erasing.run(clock=timezone.now, stopping=stopping.asked)


def probe() -> int:
    """See whether platforms that have trouble answer again."""
    return probing.watch(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.PRUNE)
def prune() -> None:
    """Drop what has served its term."""
    maintenance.prune(now=timezone.now())
    replays.prune(now=timezone.now())
    alerts.prune(now=timezone.now())


@scheduled(queue.LOGINS)
def look_after_logins() -> None:
    """Renew logins that end soon, and see whether the unused ones work."""
    upkeep.renew_due(clock=timezone.now, stopping=stopping.asked)
    upkeep.check_due(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.NOTICES)
def send_notices() -> int:
    """Send the e-mails that are due."""
    return notices.send_due(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.SUBSCRIPTIONS)
def look_at_subscriptions() -> int:
    """Look whether shops whose hour is over still send what we want."""
    return subscriptions.audit_due(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.CAUSES)
def look_after_causes() -> int:
    """Move what was split off, see which reasons come back, and work out whom they touch."""
    moved = cause_parts.move(clock=timezone.now, stopping=stopping.asked)
    cause_states.wake(now=timezone.now())
    cause_figures.work_out(clock=timezone.now, stopping=stopping.asked)
    return moved


@scheduled(queue.FIGURES)
def count_figures() -> int:
    """Close the figures of the minutes that are over."""
    return measuring.run(clock=timezone.now, stopping=stopping.asked)


@scheduled(queue.ALERTS)
def look_after_alerts() -> int:
    """See what is wrong, and what is over."""
    return alerts.look(now=timezone.now())


@scheduled(queue.ALERTS_OUT)
def tell_of_alerts() -> int:
    """Tell people of alerts, through their channels; and an outside watcher that all is well."""
    deadman.sign(now=timezone.now())
    return telling.send_due(clock=timezone.now, stopping=stopping.asked)
