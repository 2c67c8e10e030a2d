"""Whether this worker has been asked to stop; set before the fork, seen by every process."""

import multiprocessing
import time

# How long a drain goes on after it was asked to stop: about what a successor takes to start, so
# that a deploy is hardly noticed. Heroku gives thirty seconds.
HANDOVER = 1.5

# When we were asked, by a clock that all processes share; nought until then.
_asked_at = multiprocessing.Value("d", 0.0, lock=False)


def ask(*, at_once: bool = False) -> None:
    """Ask everyone to give their work back, with or without a handover."""
    _asked_at.value = time.monotonic() - (HANDOVER if at_once else 0)


def asked() -> bool:
    """Whether nothing new should be begun."""
    return bool(_asked_at.value)


def is_due() -> bool:
    """Whether work must be given back now: the handover is over."""
    return bool(_asked_at.value) and time.monotonic() - _asked_at.value >= HANDOVER
