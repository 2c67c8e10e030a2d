"""Work that Klaviyo accepts now and does later, in the order it came."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sandbox.klaviyo.times import iso

WEEK = 7 * 24 * 3600.0


class Job(Struct):
    """One asynchronous job; `work` is what is left to do when its time comes."""

    id: str
    kind: str
    created: float
    due: float
    work: list[Any]
    total: int
    done: bool = False
    completed: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = []
    touched: list[str] = []

    def status(self, now: float) -> str:
        """Say how far it is: the first half of the wait it is queued."""
        if self.done:
            return "complete"
        return "queued" if now < (self.created + self.due) / 2 else "processing"

    def attributes(self, now: float) -> dict[str, Any]:
        """Describe the job as its GET does."""
        status = self.status(now)
        return {
            "status": status,
            "created_at": iso(self.created),
            "total_count": self.total,
            "completed_count": self.completed,
            "failed_count": self.failed,
            "completed_at": iso(self.due) if self.done else None,
            "expires_at": iso(self.created + WEEK),
        }


def unfinished(jobs: Iterable[Job]) -> int:
    """Count the jobs that are still to do."""
    return sum(not job.done for job in jobs)


def due_after(jobs: Iterable[Job], now: float, seconds: float) -> float:
    """Say when a job submitted now is done: never before one submitted earlier."""
    return max([now + seconds, *(job.due for job in jobs if not job.done)])
