"""The worker: django-q2's cluster, with a way to stop and a watchdog."""

import os
import signal
import sys
import time
from multiprocessing import Value
from threading import Thread
from typing import Any

import psutil
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.models import Schedule
from django_q.signals import post_execute_in_worker, pre_execute

from integrations import queue, stopping
from integrations.checks import CONSOLE
from integrations.pipeline.pulse import LOOK_EVERY, Pulse

# The sweep runs each minute, so three minutes without any task mean that nothing runs any more.
SILENCE = 180
# After a stop was asked for: drains give back within seconds; whatever hangs is ended here.
PATIENCE = 25.0
WEDGED = 70  # EX_SOFTWARE: the platform starts us anew

_beat = Value("d", 0.0, lock=False)


class GentleCluster(Cluster):  # type: ignore[misc]
    """A cluster that stops once, however often it is asked to."""

    _stopping = False

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Tell every task to give its work back, and stop when they have."""
        if not stopping.asked():
            # Ctrl-C has no successor to hand over to.
            stopping.ask(at_once=signum == signal.SIGINT)
        if self.sentinel and self.sentinel.is_alive() and not self._stopping:
            self._stopping = True
            Thread(target=_lose_patience, daemon=True).start()
            self.stop()


class Command(BaseCommand):
    """Run the workers until SIGTERM or SIGINT."""

    # All checks would load every page, and a deploy waits for this start.
    requires_system_checks = (CONSOLE,)
    help = "Run the workers. Stops within seconds of SIGTERM, also when every process gets it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let a test wait for less than three minutes."""
        parser.add_argument(
            "--silence",
            type=int,
            default=SILENCE,
            help="seconds without any task after which the workers are ended (exit code 70)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start the cluster and watch it."""
        do_not_wait_for_the_disk()
        ensure_schedules()
        pre_execute.connect(_stamp, dispatch_uid="runcluster-pre")
        post_execute_in_worker.connect(_stamp, dispatch_uid="runcluster-post")
        _beat.value = time.time()
        queue.ask_for(queue.DRAIN)
        queue.ask_for(queue.SWEEP)
        # Children keep SIGTERM blocked: only the parent acts on it, and tells them by the flag.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        cluster = GentleCluster()
        cluster.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        Thread(target=_watch, args=(options["silence"],), daemon=True).start()
        Thread(target=_look_again, daemon=True).start()
        while cluster.sentinel.is_alive() and not stopping.asked():
            time.sleep(0.2)
        if not stopping.asked():
            # The sentinel died by itself; its workers would run on as orphans.
            _end_tree()
            sys.exit(WEDGED)


def do_not_wait_for_the_disk() -> None:
    """Let the workers' commits reach the disk a moment later (docs/adr/0013).

    What they write can be found out again: an event stays in the inbox until it is settled, and
    sending it once more changes nothing. Only the inbox itself must never forget.
    """
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c synchronous_commit=off"
    connection.close()


def ensure_schedules() -> None:
    """Make the schedules that must exist, and drop those of tasks that are no more."""
    for task, minutes in queue.SCHEDULES.items():
        Schedule.objects.update_or_create(
            name=task,
            defaults={"func": task, "schedule_type": Schedule.MINUTES, "minutes": minutes},
        )
    Schedule.objects.exclude(name__in=queue.SCHEDULES).delete()


def _stamp(**_: Any) -> None:
    _beat.value = time.time()


def _watch(silence: int) -> None:
    """End a cluster that no longer runs tasks although the sweep is due each minute."""
    while not stopping.asked():
        time.sleep(1)
        if time.time() - _beat.value > silence:
            sys.stderr.write(f"No task has run for {silence} s: ending the workers.\n")
            _end_tree()
            os._exit(WEDGED)


def _look_again() -> None:
    """Find within seconds what a killed worker left behind; the sweep comes each minute only."""
    pulse = Pulse()
    while not stopping.asked():
        time.sleep(LOOK_EVERY.total_seconds())
        try:
            pulse.look(now=timezone.now())
        except Error:
            # The database is away; whatever is due is still due when it is back.
            connection.close()


def _lose_patience() -> None:
    time.sleep(PATIENCE)
    sys.stderr.write("The workers did not stop in time: ending them.\n")
    _end_tree()
    os._exit(0)


def _end_tree() -> None:
    for process in psutil.Process().children(recursive=True):
        process.kill()
