"""Past data from the command line: what it says, what it does, and how it ends."""

import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from integrations.domain.windows import JobState
from integrations.management import following
from integrations.models import AuditEntry, Event, SyncJob
from integrations.pipeline import audit, sync_jobs
from sandbox.config import ShopConfig
from sandbox.messages import Reply
from sandbox.shopify import Shopify
from tests import factories

from .conftest import events_of

DOMAIN = "typed.myshopify.com"
ORDERS = 20


@pytest.fixture
def shop(settings):
    config = ShopConfig(domain=DOMAIN, token="shpat_good", past_orders=ORDERS, past_days=40, seed=6)
    with Shopify(shops=[config]) as server:
        settings.SHOPIFY_BASE_URL = server.url + "/{shop}"
        yield server


@pytest.fixture
def store(transactional_db, shop, klaviyo):
    return factories.a_store(domain=DOMAIN, token="shpat_good")


def days_ago(number):
    return (datetime.now(UTC) - timedelta(days=number)).date().isoformat()


def run(*arguments):
    """What the command says, and the code it ends with."""
    out = io.StringIO()
    try:
        call_command("backfill", *arguments, stdout=out)
    except CommandError as exc:
        return f"{out.getvalue()}{exc}", exc.returncode
    return out.getvalue(), 0


def test_it_reads_and_sends_in_this_process_and_shows_how_far_it_is(store, klaviyo):
    said, code = run(DOMAIN, "--from", days_ago(60), "--streams", "orders,customers", "--here")

    job = SyncJob.objects.get()
    assert (job.state, job.silent) == (JobState.DONE, True)
    counts = following.totals(job)
    assert counts["found"] > ORDERS
    assert f"{counts['found']:,} found, {counts['sent']:,} sent" in said
    assert "[########################] 100%" in said
    assert code == (following.summary(job)["failed"] and 3)
    assert {event["backfill"] for event in events_of(klaviyo, "Placed Order")} == {True}
    assert AuditEntry.objects.get(action="job.started").actor_name == "Command line"


def test_a_dry_run_says_what_would_be_and_leaves_nothing_behind(store, shop, klaviyo):
    said, code = run("typed", "--from", days_ago(60), "--dry-run")

    assert code == 0
    assert "Orders:" in said
    assert "Nothing was sent, and nothing was started." in said
    assert not SyncJob.objects.exists()
    assert not Event.objects.exists()
    assert not events_of(klaviyo, "Placed Order")


def test_without_following_it_starts_and_says_how_to_come_back(store):
    said, code = run(DOMAIN, "--from", days_ago(60), "--window-days", "30", "--only-missing")

    job = SyncJob.objects.get()
    assert (code, job.state, job.only_missing) == (0, JobState.RUNNING, True)
    assert job.windows.count() == 3
    assert f"--resume {job.public_id} --follow" in said


def test_a_job_is_paused_taken_up_and_stopped_by_its_id(store):
    run(DOMAIN, "--from", days_ago(60))
    job = str(SyncJob.objects.get().public_id)

    assert run("--pause", job)[1] == 0
    assert SyncJob.objects.get().state == JobState.PAUSED
    assert run("--resume", job)[1] == 0
    assert SyncJob.objects.get().state == JobState.RUNNING
    said, code = run("--cancel", job)
    assert (said, code) == ("Stopped. 0 records were read and are not sent.\n", 0)
    assert run("--cancel", job) == ("This is stopped.", 1)


def test_following_a_job_that_somebody_stops_is_not_success(store, monkeypatch):
    begin = sync_jobs.start

    def stopped_at_once(job, **details):
        begin(job, **details)
        sync_jobs.cancel(job, by=audit.AUTOMATIC, now=datetime.now(UTC))

    monkeypatch.setattr(sync_jobs, "start", stopped_at_once)

    said, code = run(DOMAIN, "--from", days_ago(60), "--follow")

    assert (code, "The job is cancelled, and not over." in said) == (4, True)


def test_what_failed_ends_with_a_code_of_its_own(store, shop):
    shop.script.answer_next(Reply(200, b"<html>"), times=40)

    said, code = run(DOMAIN, "--from", days_ago(60), "--here")

    assert code == 3
    assert "1 periods and 0 records failed" in said


def test_leaving_with_a_key_says_that_it_goes_on(store, monkeypatch):
    def leaves(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "follow", leaves)

    said, code = run(DOMAIN, "--from", days_ago(60), "--follow")

    job = SyncJob.objects.get()
    assert (code, job.state) == (130, JobState.RUNNING)
    assert f"Job {job.public_id} keeps its place" in said


def test_the_list_names_every_job_with_what_became_of_it(store):
    job = factories.a_sync_job(store, state="done")
    factories.a_sync_window(job, state="done", found=5, sent=4, failed=1)

    said, _ = run("--list")
    assert str(job.public_id) in said
    assert "5 found, 4 sent, 0 unchanged, 0 skipped, 1 failed" in said
    assert run("--list", "typed")[0] == said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name a store and a first day"),
        (["nobody", "--from", "2026-01-01"], "There is no store nobody."),
        ([DOMAIN, "--from", "2026-03-01", "--to", "2026-01-01"], "The end is before the start."),
        ([DOMAIN, "--from", "2199-01-01", "--to", "2199-02-01"], "This lies in the future."),
        ([DOMAIN, "--from", "1999-01-01"], "No shop on Shopify is older than 2006."),
        ([DOMAIN, "--from", "2026-01-01", "--streams", "goats"], "There is no stream called goats"),
        ([DOMAIN, "--from", "2026-01-01", "--loud", " "], "Say why flows may start."),
        ([DOMAIN, "--from", "2026-01-01", "--window-days", "0"], "A period is 1 to 3660 days long"),
        (["--resume", "nonsense"], "There is no job nonsense."),
        (["--cancel", str(uuid4())], "There is no job"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(store, arguments, sentence):
    said, code = run(*arguments)

    assert sentence in said
    assert code == 1
    assert not SyncJob.objects.exists()


def test_the_same_range_twice_names_the_job_that_is_at_it(store):
    run(DOMAIN, "--from", days_ago(60))

    said, code = run(DOMAIN, "--from", days_ago(30))

    assert code == 1
    assert str(SyncJob.objects.get().public_id) in said
