"""One drain in one process, on one core if asked, and what it took.

A process of its own: `python -m benchmarks.drainer --core 0`; prints one line of JSON.
"""

import argparse
import json
import os
import resource
import threading
import time
from pathlib import Path

import django


def main() -> None:
    """Drain until nothing is due."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int)
    chosen = parser.parse_args()
    if chosen.core is not None:
        os.sched_setaffinity(0, {chosen.core})
    django.setup()
    from django.utils import timezone

    from integrations.pipeline import drains

    done = threading.Event()
    began, cpu = time.time(), time.process_time()
    threading.Thread(target=_notice_the_end, args=(done,), daemon=True).start()
    while not done.is_set():
        drains.drain(clock=timezone.now, stopping=done.is_set)
    result = {
        "began": began,
        "cpu": time.process_time() - cpu,
        "megabytes": _peak(),
    }
    print(json.dumps(result), flush=True)


def _peak() -> float:
    """The most memory this program had. What `getrusage` says includes whoever started it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return float(next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)) / 1000


def _notice_the_end(done: threading.Event) -> None:
    from integrations.models import Event

    # What failed once waits for its next try, and would make the end a matter of minutes.
    while Event.objects.waiting().filter(failures=0).exists():
        time.sleep(0.1)
    done.set()


if __name__ == "__main__":
    main()
