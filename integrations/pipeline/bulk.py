"""Reading a window by one large export: begin it, follow it, fetch its file, land what is in it.

Each step is written down in the window's row, so that whoever takes the window over goes on there.
Between two looks at a run nobody holds the window: it comes due again, or the shop's message that
the run has ended makes it due.
"""

from datetime import timedelta

from django.db import transaction

from integrations.domain import bulk as domain
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.domain.windows import JobKind, Stretch, WindowState
from integrations.models import BulkLine, Store, SyncWindow
from integrations.platforms.http import NoAnswer
from integrations.platforms.shopify import bulk as shop
from integrations.platforms.shopify.bulk import Run, Status

from . import bulk_files, bulk_landing, ways
from .bulk_asking import ask
from .bulk_progress import HOLDING, Progress, Step
from .turns import Turn, give_back

FULL = "The shop runs five exports at a time. This one is begun when a place is free."
UNSURE = "The shop did not answer. In a moment we look whether the export was begun."
FULL_WAIT = timedelta(seconds=60)
# Longer than a call may take, so that a run that was begun can be seen.
UNSURE_WAIT = timedelta(seconds=15)
AGAIN_WAIT = timedelta(seconds=30)


def read(turn: Turn) -> int:
    """Read on from the last step as far as it gets; returns how many were landed.

    Raises PlatformError, LostWindow.
    """
    landed = 0
    while turn.window.state == WindowState.READING and turn.goes_on():
        progress = Progress.of(turn.window)
        if progress.step is Step.LANDING:
            found = bulk_landing.land_some(turn)
            if found is None:
                break
            landed += found
        elif not _STEPS[progress.step](turn, progress):
            break
    return landed


def _begin(turn: Turn, progress: Progress) -> bool:
    if progress.runs >= domain.MOST_RUNS:
        ways.to_pages(
            turn, f"The shop's export came to nothing ({progress.why}), so its pages are read."
        )
        return False
    if not turn.take_points(shop.RUN_POINTS):
        return False
    BulkLine.objects.filter(window=turn.claim.pk).delete()
    asked = _take_place(turn, progress)
    if asked is None:
        give_back(turn.claim, until=turn.clock() + FULL_WAIT, reason=FULL)
        return False
    try:
        run = ask(turn, lambda client: shop.run(client, _query(turn, asked)))
    except PlatformError as exc:
        return _not_begun(turn, progress, exc)
    _wait_for(turn, asked, run)
    return False


def _take_place(turn: Turn, progress: Progress) -> Progress | None:
    """Write down that a run is about to be asked for, if one of the shop's places is free."""
    store = turn.window.job.store_id
    now = turn.clock()
    name = f"SyncConsole_{turn.window.public_id.hex}_{int(now.timestamp() * 1000)}"
    with transaction.atomic():
        Store.objects.select_for_update().get(pk=store)
        holding = SyncWindow.objects.filter(job__store=store, bulk__step__in=HOLDING)
        if holding.exclude(pk=turn.claim.pk).count() >= domain.AT_ONCE:
            return None
        asked = Progress(Step.ASKED, name, asked_at=now, runs=progress.runs + 1, why=progress.why)
        turn.note(bulk=asked.but(), cursor="")
    return asked


def _not_begun(turn: Turn, before: Progress, exc: PlatformError) -> bool:
    if isinstance(exc, NoAnswer):
        give_back(turn.claim, until=turn.clock() + UNSURE_WAIT, reason=UNSURE)
        return False
    failure = exc.failure
    if failure.code == shop.INVALID:
        ways.to_pages(turn, f"The shop does not take the export ({failure.message[:150]}).")
        return False
    if failure.code in shop.BUSY or failure.kind in {FailureKind.AUTH, FailureKind.RATE_LIMITED}:
        # It said no, so nothing was begun.
        turn.note(bulk=before.but(step=Step.NOTHING))
    if failure.code in shop.BUSY:
        give_back(turn.claim, until=turn.clock() + FULL_WAIT, reason=FULL)
        return False
    raise exc


def _find_again(turn: Turn, progress: Progress) -> bool:
    """Look whether a run whose answer we never saw was begun."""
    if not turn.take_points(shop.LIST_POINTS):
        return False
    run = ask(turn, lambda client: shop.find(client, progress.name))
    if run is None:
        turn.note(bulk=progress.but(step=Step.NOTHING))
    else:
        turn.note(bulk=progress.but(step=Step.RUNNING, run_id=run.id))
    return True


def _follow(turn: Turn, progress: Progress) -> bool:
    if not turn.take_points(shop.LOOK_POINTS):
        return False
    run = ask(turn, lambda client: shop.look(client, progress.run_id))
    if run is None:
        return _again(turn, progress, "the shop no longer knows it")
    if run.status in shop.UNDER_WAY:
        return _go_on_waiting(turn, progress, run)
    if run.status is Status.COMPLETED:
        turn.note(bulk=progress.but(step=Step.FETCHING, roots=run.roots, size=run.size))
        return True
    if run.error_code == shop.ACCESS_DENIED:
        raise PlatformError(
            Failure(
                FailureKind.REJECTED,
                "The shop ended the export because a permission is missing. "
                "Check the connection of the shop, then fetch this period again.",
                "bulk_access_denied",
            )
        )
    # What a run that ended early left behind is never taken for the whole.
    return _again(turn, progress, (run.error_code or run.status).lower())


def _go_on_waiting(turn: Turn, progress: Progress, run: Run) -> bool:
    began = progress.asked_at or turn.clock()
    if turn.clock() - began > domain.LONGEST_RUN:
        if turn.take_points(shop.CANCEL_POINTS):
            ask(turn, lambda client: shop.cancel(client, run.id))
            _again(turn, progress, "it took too long")
        return False
    _wait_for(turn, progress, run)
    return False


def _wait_for(turn: Turn, progress: Progress, run: Run) -> None:
    now = turn.clock()
    changes = {"last_progress_at": now} if run.objects > progress.objects else {}
    waiting = progress.but(
        step=Step.RUNNING, run_id=run.id, objects=run.objects, polls=progress.polls + 1
    )
    turn.note(bulk=waiting, **changes)
    reason = f"The shop is preparing the export: {run.objects:,} lines so far."
    give_back(turn.claim, until=now + domain.poll_wait(progress.polls), reason=reason)


def _fetch(turn: Turn, progress: Progress) -> bool:
    """Fetch on; the link is asked for anew each time, since it is never kept."""
    if not turn.take_points(shop.LOOK_POINTS):
        return False
    run = ask(turn, lambda client: shop.look(client, progress.run_id))
    if run is None or run.status is not Status.COMPLETED:
        return _again(turn, progress, "its file has expired")
    if run.link is None:
        if run.roots:
            return _again(turn, progress, "it has no file")
        # Nothing was found, and then there is no file (Shopify: `url` is null).
        turn.note(bulk=progress.but(step=Step.LANDING))
        return True
    try:
        return bulk_files.fetch(turn, progress, run.link)
    except bulk_files.LinkRefused:
        if progress.refusals:
            return _again(turn, progress, "its link was refused")
        turn.note(bulk=progress.but(refusals=1))
        return True


def _again(turn: Turn, progress: Progress, why: str) -> bool:
    """Let go of a run that came to nothing, and begin another in a while."""
    BulkLine.objects.filter(window=turn.claim.pk).delete()
    turn.note(bulk=Progress(runs=progress.runs, why=why).but())
    reason = f"The shop's export came to nothing ({why}) and is begun again."
    give_back(turn.claim, until=turn.clock() + AGAIN_WAIT, reason=reason)
    return False


def _query(turn: Turn, asked: Progress) -> str:
    window = turn.window
    return shop.query(
        window.stream,
        Stretch(window.since, window.until),
        name=asked.name,
        changed=window.job.kind == JobKind.CATCH_UP,
    )


_STEPS = {
    Step.NOTHING: _begin,
    Step.ASKED: _find_again,
    Step.RUNNING: _follow,
    Step.FETCHING: _fetch,
}
