"""What became of what was taken back, and the ledger that follows it."""

from datetime import datetime

from django.db.models import Count

from integrations.domain.undo import ItemState
from integrations.models import Delivery, RemoteJob, Undo, UndoItem
from integrations.platforms.klaviyo.client import JobError

UNKNOWN = "Klaviyo no longer says what became of it. Look in the catalog there."
# What is not there any more is what was wanted. The code is unconfirmed; so is a 404 of one item.
GONE = {"not_found", "does_not_exist"}


def settle(job: RemoteJob, refused: dict[str, JobError], *, now: datetime) -> list[int]:
    """Write down what Klaviyo says of each item of a removal; `refused` by their identity.

    Returns the events that must be sent once more, as `forget` does.
    """
    assert job.undo is not None  # noqa: S101 - the caller has looked
    failed = {name: error for name, error in refused.items() if error.code not in GONE}
    sent = UndoItem.objects.filter(remote_job=job, state=ItemState.SENT)
    for name, error in failed.items():
        sent.filter(identity=name).update(
            state=ItemState.FAILED, message=error.detail[:500], settled_at=now
        )
    done = list(sent.values_list("identity", flat=True))
    sent.update(state=ItemState.DONE, settled_at=now)
    again = forget(job.undo, done)
    _wake(job, now)
    return again


def lose(job: RemoteJob, *, now: datetime) -> None:
    """Nobody can say any more what became of a removal."""
    UndoItem.objects.filter(remote_job=job, state=ItemState.SENT).update(
        state=ItemState.FAILED, message=UNKNOWN, settled_at=now
    )
    _wake(job, now)


def forget(undo: Undo, identities: list[str]) -> list[int]:
    """Let the ledger say that Klaviyo does not have these any more as we told them.

    Returns the events that told of them meanwhile: which came first at Klaviyo, they or the
    taking back, nobody knows, so they are to be sent once more.
    """
    rows = Delivery.objects.filter(
        klaviyo_account_id=undo.job.store.klaviyo_account_id,
        identity__in=identities,
        present=True,
    )
    others = list(
        rows.exclude(window__job=undo.job_id).exclude(event=None).values_list("event_id", flat=True)
    )
    rows.update(present=False, fingerprint=b"", made=False, confirmed_at=None)
    return others


def counts(undo: Undo) -> dict[str, int]:
    """How many items are in which state."""
    rows = UndoItem.objects.filter(undo=undo).values_list("state").annotate(n=Count("pk"))
    return dict(rows.order_by())


def _wake(job: RemoteJob, now: datetime) -> None:
    Undo.objects.filter(remote_jobs=job).update(next_attempt_at=now)
