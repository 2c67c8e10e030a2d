"""What workers run: read the clock, make one call into the pipeline."""

from django.utils import timezone

from integrations import stopping
from integrations.pipeline import drains, jobs, maintenance


def drain() -> int:
    """Work off everything that is due."""
    return drains.drain(clock=timezone.now, stopping=stopping.asked)


def sweep() -> None:
    """Find what a lost nudge or a dead worker left behind, and ask about jobs."""
    maintenance.sweep(now=timezone.now())
    jobs.follow_due(clock=timezone.now, stopping=stopping.asked)


def prune() -> None:
    """Drop what has served its term."""
    maintenance.prune(now=timezone.now())
