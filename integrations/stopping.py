"""Whether this worker has been asked to stop; set before the fork, seen by every process."""

import multiprocessing

_flag = multiprocessing.Value("b", 0, lock=False)


def ask() -> None:
    """Ask everyone to give their work back."""
    _flag.value = 1


def asked() -> bool:
    """Whether to give work back."""
    return bool(_flag.value)
