"""Work that holds nothing while a platform answers.

A batch is a generator: it yields the calls it wants made, and goes on with their answers, in any
thread. So a drain has many more batches on their way than it has connections to the database.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

# One call: it touches no database.
Call = Callable[[], Any]
Result = TypeVar("Result")
# Yields calls to make side by side, is sent what they returned, and returns what came of it all.
Steps = Generator[Sequence[Call], list[Any], Result]
# Told what the calls returned, or what one of them raised.
Then = Callable[[list[Any], BaseException | None], None]

MOST_AT_ONCE = 64


@lru_cache(maxsize=1)
def _callers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="call")


def run(steps: Steps[Result]) -> Result:
    """Work something off in this thread, waiting for its calls. Raises what it raises."""
    try:
        calls = next(steps)
        while True:
            others = [_callers().submit(call) for call in calls[1:]]
            try:
                answers = [call() for call in calls[:1]] + [one.result() for one in others]
            except Exception as exc:
                calls = steps.throw(exc)
            else:
                calls = steps.send(answers)
    except StopIteration as end:
        result: Result = end.value
        return result


def begin(calls: Sequence[Call], then: Then) -> None:
    """Make calls side by side, elsewhere; `then` is called once, when the last has ended."""
    if not calls:
        then([], None)
        return
    waiting = _Waiting(len(calls), then)
    for place, call in enumerate(calls):
        _callers().submit(call).add_done_callback(waiting.slot(place))


class _Waiting:
    """Calls on their way, and who wants to hear of them."""

    def __init__(self, number: int, then: Then) -> None:
        self._answers: list[Any] = [None] * number
        self._failed: BaseException | None = None
        self._left, self._then, self._lock = number, then, Lock()

    def slot(self, place: int) -> Callable[[Future[Any]], None]:
        def ended(call: Future[Any]) -> None:
            failed = call.exception()
            if failed is None:
                self._answers[place] = call.result()
            with self._lock:
                self._failed = self._failed or failed
                self._left -= 1
                is_last = not self._left
            if is_last:
                self._then(self._answers, self._failed)

        return ended
