"""Each stream of a fetch of past data: working, waiting, blocked or stuck."""

from datetime import timedelta

import pytest

from integrations.domain.verdicts import Word
from integrations.domain.windows import JobState, WindowState
from integrations.models import SyncJob, SyncWindow
from integrations.pipeline import backfill, fetch_pages, stream_verdicts
from tests import factories as a
from tests.factories import NOON

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return a.a_sync_job(a.a_store(), state=JobState.RUNNING, started_at=NOON - 60 * MINUTE)


def a_window(job, **changes):
    values = {"state": WindowState.READING, "next_attempt_at": NOON - MINUTE}
    return a.a_sync_window(job, **values | changes)


def judged(job, *, seen=NOON):
    job = SyncJob.objects.select_related("store__klaviyo_account").get(pk=job.pk)
    windows = list(SyncWindow.objects.filter(job=job).select_related("job__store__klaviyo_account"))
    found = stream_verdicts.of_job(job, windows, workers_seen_at=seen, now=NOON)
    return {one.stream: one.verdict for one in found}


@pytest.mark.parametrize(("minutes", "word"), [(19, Word.WORKING), (21, Word.STUCK)])
def test_a_period_without_progress_for_twenty_minutes_is_stuck(job, minutes, word):
    ago = NOON - minutes * MINUTE
    a_window(job, last_progress_at=ago, next_attempt_at=NOON - 50 * MINUTE)

    assert judged(job)["orders"].word is word


def test_a_period_the_shop_slows_down_says_until_when(job):
    until = NOON + 2 * MINUTE
    a_window(job, wait_reason=backfill.LIMITED, next_attempt_at=until, last_progress_at=NOON)

    found = judged(job)["orders"]

    assert (found.word, found.until) == (Word.RATE_LIMITED, until)


def test_a_limit_that_is_over_explains_nothing_any_more(job):
    over = NOON - 30 * MINUTE
    a_window(job, wait_reason=backfill.LIMITED, next_attempt_at=over, last_progress_at=over)

    assert judged(job)["orders"].word is Word.STUCK


def test_what_was_read_before_is_sent_first_unless_that_stands_still(job):
    window = a_window(job, wait_reason=backfill.AHEAD, last_progress_at=NOON - MINUTE)
    assert judged(job)["orders"].word is Word.WAITING

    SyncWindow.objects.filter(pk=window.pk).update(last_progress_at=NOON - 21 * MINUTE)
    SyncWindow.objects.filter(pk=window.pk).update(next_attempt_at=NOON - 21 * MINUTE)
    assert judged(job)["orders"].word is Word.STUCK


def test_a_stream_that_waits_its_turn_is_not_stuck(job):
    job.streams = ["customers", "orders"]
    job.save()
    a_window(job, stream="customers", last_progress_at=NOON)
    a_window(
        job, stream="orders", state=WindowState.WAITING, position=1,
        next_attempt_at=NOON - 59 * MINUTE,
    )  # fmt: skip

    found = judged(job)

    assert found["customers"].word is Word.WORKING
    assert (found["orders"].word, found["orders"].by) == (
        Word.WAITING,
        stream_verdicts.OTHERS_FIRST,
    )


def test_a_broken_login_blocks_and_a_pause_waits(job):
    a_window(job, wait_reason=backfill.LOGIN, last_progress_at=NOON)
    assert judged(job)["orders"].word is Word.BLOCKED

    SyncJob.objects.update(state=JobState.PAUSED, paused_at=NOON - MINUTE)
    found = judged(job)["orders"]
    assert (found.word, found.since) == (Word.WAITING, NOON - MINUTE)


def test_silent_workers_are_why_a_fetch_is_stuck(job):
    a_window(job, last_progress_at=NOON)

    assert judged(job, seen=None)["orders"].word is Word.STUCK


def test_a_fetch_that_has_read_nothing_yet_has_not_started(job):
    SyncJob.objects.update(started_at=NOON)
    a_window(job, next_attempt_at=NOON)

    assert judged(job)["orders"].word is Word.NOT_STARTED


def test_a_fetch_that_is_over_is_not_judged(job):
    a_window(job, state=WindowState.DONE, finished_at=NOON)
    assert judged(job) == {}

    SyncJob.objects.update(state=JobState.DONE, finished_at=NOON)
    board = fetch_pages.board(SyncJob.objects.get(), now=NOON)
    assert board.verdicts == []
