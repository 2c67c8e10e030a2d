"""Past data from the command line: plan, start, follow, pause, go on, stop."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.domain.failures import PlatformError
from integrations.domain.fetches import Preset, stretch_of
from integrations.domain.verdicts import is_outage
from integrations.domain.windows import STREAMS, BadRange, JobKind, JobState
from integrations.management import following, forecast_text
from integrations.management.here import Here
from integrations.models import Store, SyncJob
from integrations.pipeline import forecasts, health, sync_jobs
from integrations.pipeline.audit import OPERATOR

LISTED = 20
# How a script tells the ends apart; one is what Django gives any refusal.
INCOMPLETE, NOT_OVER, LEFT = 3, 4, 130


class Command(BaseCommand):
    """Bring in past orders, customers and products of a store."""

    help = (
        "Bring in past data of a store, in windows, newest first. Silent: no flow at Klaviyo "
        "starts because of it, unless --loud says why. Exit codes: 0 all is there, 1 refused, "
        "2 wrong arguments, 3 done but something failed, 4 paused or stopped, 130 left with Ctrl-C "
        "while it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """A new job, or something about one that there is."""
        parser.add_argument("store", nargs="?", help="name.myshopify.com, or the store's id")
        parser.add_argument("--from", dest="since", type=_day, help="first day, like 2026-01-31")
        parser.add_argument("--to", dest="until", type=_day, help="last day; today when left out")
        parser.add_argument(
            "--streams", default="orders", help=f"any of {', '.join(STREAMS)}; with commas"
        )
        parser.add_argument("--window-days", type=int, default=90, help="length of one window")
        parser.add_argument(
            "--only-missing", action="store_true", help="leave out what Klaviyo has accepted"
        )
        parser.add_argument("--loud", metavar="REASON", help="let flows start, and say why")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what it would do, and send nothing"
        )
        parser.add_argument("--follow", action="store_true", help="show progress until it is over")
        parser.add_argument(
            "--here", action="store_true", help="read and send in this process; follows it too"
        )
        verbs = parser.add_mutually_exclusive_group()
        verbs.add_argument("--list", action="store_true", help="the latest jobs")
        verbs.add_argument("--resume", metavar="JOB", help="go on with a paused job, or follow it")
        verbs.add_argument("--pause", metavar="JOB")
        verbs.add_argument("--cancel", metavar="JOB")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked, or say why not."""
        try:
            self._do(options)
        except sync_jobs.Overlap as exc:
            raise CommandError(
                f"{exc} Job {exc.job.public_id} is {exc.job.state} "
                f"({exc.job.since:%Y-%m-%d} to {exc.job.until:%Y-%m-%d}). "
                f"Follow it with --resume {exc.job.public_id} --follow, or end it with --cancel."
            ) from exc
        except (BadRange, sync_jobs.NotNow) as exc:
            raise CommandError(str(exc)) from exc
        except PlatformError as exc:
            raise CommandError(f"The shop or Klaviyo said no: {exc}") from exc

    def _do(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        if options["list"]:
            self._list(options["store"])
        elif options["pause"]:
            sync_jobs.pause(_job(options["pause"]), by=OPERATOR, now=now)
            self.stdout.write("Paused. What is read is kept and waits.")
        elif options["cancel"]:
            taken_back = sync_jobs.cancel(_job(options["cancel"]), by=OPERATOR, now=now)
            self.stdout.write(f"Stopped. {taken_back:,} records were read and are not sent.")
        elif options["resume"]:
            job = _job(options["resume"])
            if job.state != JobState.RUNNING:
                sync_jobs.resume(job, by=OPERATOR, now=now)
            self._watch(job, options)
        else:
            self._new(options, now)

    def _new(self, options: dict[str, Any], now: datetime) -> None:
        if not options["store"] or not options["since"]:
            raise CommandError("Name a store and a first day: backfill alpine --from 2026-01-01")
        store = _store(options["store"])
        loud = options["loud"]
        wish = sync_jobs.Wish(
            streams=_streams(options["streams"]),
            stretch=stretch_of(
                Preset.DATES,
                options["since"],
                options["until"] or now.astimezone(ZoneInfo(store.time_zone)).date(),
                zone=ZoneInfo(store.time_zone),
                now=now,
            ),
            window_days=options["window_days"],
            silent=loud is None,
            loud_reason=loud or "",
            only_missing=options["only_missing"],
        )
        job = sync_jobs.draft(store, wish, by=None, now=now)
        if options["dry_run"]:
            self._forecast(job, now)
            return
        try:
            sync_jobs.start(job, by=OPERATOR, now=now)
        except sync_jobs.Overlap:
            # Nobody else knows of it yet.
            job.delete()
            raise
        self.stdout.write(f"Started job {job.public_id}: {job.windows.count()} windows.")
        self._watch(job, options)

    def _forecast(self, job: SyncJob, now: datetime) -> None:
        try:
            try:
                forecast = forecasts.make(job, now=now)
            except forecasts.Lost:
                raise CommandError("A worker has taken the dry run over. Ask once more.") from None
            for line in forecast_text.lines(job, forecast):
                self.stdout.write(line)
            self.stdout.write("Nothing was sent, and nothing was started.")
        finally:
            job.delete()

    def _watch(self, job: SyncJob, options: dict[str, Any]) -> None:
        if options["here"]:
            with Here(timezone.now):
                self._follow(job)
        elif options["follow"]:
            if is_outage(health.workers_seen_at(), timezone.now()):
                self.stdout.write("No worker seems to run; --here does it in this process.")
            self._follow(job)
        else:
            self.stdout.write(f"See how far it is with --resume {job.public_id} --follow")

    def _follow(self, job: SyncJob) -> None:
        try:
            following.follow(job, self.stdout, clock=timezone.now)
        except KeyboardInterrupt:
            raise CommandError(
                f"Left. Job {job.public_id} keeps its place and goes on wherever a worker runs; "
                f"come back with --resume {job.public_id} --follow, or stop it with --cancel.",
                returncode=LEFT,
            ) from None
        ended = following.summary(job)
        if job.state != JobState.DONE:
            raise CommandError(f"The job is {job.state}, and not over.", returncode=NOT_OVER)
        if ended["periods_failed"] or ended["failed"]:
            raise CommandError(
                f"{ended['periods_failed']} periods and {ended['failed']:,} records failed. "
                "The job's page says why, and tries them again.",
                returncode=INCOMPLETE,
            )

    def _list(self, store: str | None) -> None:
        jobs = SyncJob.objects.select_related("store").order_by("-id")
        if store:
            jobs = jobs.filter(store=_store(store))
        for job in jobs[:LISTED]:
            kind = "missed hours" if job.kind == JobKind.CATCH_UP else "past data"
            counts = following.totals(job)
            numbers = ", ".join(f"{number:,} {name}" for name, number in counts.items())
            self.stdout.write(
                f"{job.public_id}  {job.state:<9}  {job.store.domain}  {kind}  "
                f"{job.since:%Y-%m-%d}..{job.until:%Y-%m-%d}  {','.join(job.streams)}  {numbers}"
            )


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _streams(text: str) -> tuple[str, ...]:
    named = tuple(one.strip() for one in text.split(",") if one.strip())
    if unknown := [one for one in named if one not in STREAMS]:
        raise CommandError(
            f"There is no stream called {', '.join(unknown)}. Choose from {', '.join(STREAMS)}."
        )
    return named


def _store(name: str) -> Store:
    public_id = _uuid(name)
    domain = name.lower() if "." in name else f"{name.lower()}.myshopify.com"
    named = {"public_id": public_id} if public_id else {"domain": domain}
    store = Store.objects.select_related("merchant", "klaviyo_account").filter(**named).first()
    if store is None:
        raise CommandError(f"There is no store {name}. A store is named by its address or its id.")
    return store


def _job(name: str) -> SyncJob:
    if public_id := _uuid(name):
        jobs = SyncJob.objects.select_related("store__merchant", "store__klaviyo_account")
        if found := jobs.filter(public_id=public_id).first():
            return found
    raise CommandError(f"There is no job {name}. --list shows the latest.")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
