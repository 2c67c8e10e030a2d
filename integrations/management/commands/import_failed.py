"""Importing failed records of another program from the command line, however large the file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from integrations.models import Store
from integrations.pipeline import failed_import
from integrations.pipeline.audit import OPERATOR
from integrations.pipeline.failed_import import Findings, Reason


class Command(BaseCommand):
    """`manage.py import_failed FILE --store DOMAIN --source NAME [--dry-run]`"""

    help = "Take failed records that another program left behind, from a file of JSON lines."

    def add_arguments(self, parser: CommandParser) -> None:
        """Define what may be said."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--store", required=True, help="domain of the shop they belong to")
        parser.add_argument(
            "--source", default="another program", help="where they come from, in a few words"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is in the file, and take nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at the file, or take what it holds."""
        found = Store.objects.filter(domain=options["store"].strip().lower())
        if len(found) != 1:
            raise CommandError(f"There is no single shop with the domain {options['store']}.")
        store, source, now = found[0], " ".join(options["source"].split())[:80], timezone.now()
        try:
            with options["file"].open("rb") as file:
                chunks = failed_import.chunks_of(file)
                if options["dry_run"]:
                    done = failed_import.look(store, chunks, now=now)
                else:
                    done = failed_import.take(store, chunks, source=source, now=now)
        except OSError as exc:
            raise CommandError(f"The file cannot be read: {exc.strerror}.") from exc
        if not options["dry_run"] and done.taken:
            failed_import.note(store, done, source=source, by=OPERATOR, now=now)
        self._tell(done, "would be taken" if options["dry_run"] else "taken")

    def _tell(self, done: Findings, taken: str) -> None:
        self.stdout.write(f"{done.lines:,} lines: {done.taken:,} {taken}.")
        for reason in [*done.known.values(), *done.refused.values()]:
            self.stdout.write(_line(reason))


def _line(reason: Reason) -> str:
    shown = ", ".join(str(number) for number in reason.numbers[:20])
    more = " and more" if reason.count > 20 else ""
    return f"{reason.count:,} left out: {reason.sentence} Lines {shown}{more}."
