"""How a stand-in is told to misbehave."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.html import page
from sandbox.messages import Call, Drop, Reply

Behaviour = Callable[[Call], Reply | Drop | None]

CLOUDFLARE_PAGE = (
    b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    b"<body><h1>Sorry, you have been blocked</h1></body></html>"
)
SHARES = ("drop_before", "drop_after", "share_429", "share_500")


def html_forbidden() -> Reply:
    """The page of the proxy in front of the platform; not JSON on purpose."""
    return Reply(403, CLOUDFLARE_PAGE, media_type="text/html; charset=UTF-8")


@dataclass
class Planned:
    """An answer that is waiting for its call."""

    answer: Reply | Drop | Behaviour
    times: int
    match: str


class Script:
    """Answers planned ahead, delays, and shares of calls that go wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Behave well again."""
        self.delay = 0.0
        self.shares = dict.fromkeys(SHARES, 0.0)
        self.revoked: set[str] = set()
        self._planned: list[Planned] = []
        self._random = random.Random(7)

    def answer_next(
        self, answer: Reply | Drop | Behaviour, *, times: int = 1, match: str = ""
    ) -> None:
        """Plan an answer for the next calls whose path contains `match`."""
        with self._lock:
            self._planned.append(Planned(answer, times, match))

    def pending(self) -> int:
        """Say how many planned answers have not been used."""
        return sum(planned.times for planned in self._planned)

    def happens(self, share: float) -> bool:
        """Draw from the script's own, repeatable chance."""
        if share <= 0:
            return False
        with self._lock:
            return self._random.random() < share

    def before(self, call: Call) -> Reply | Drop | None:
        """Wait, then say what keeps the call from reaching the platform."""
        if self.delay:
            time.sleep(self.delay)
        return self._next_planned(call, after=False) or self._mishap()

    def after(self, call: Call) -> Drop | None:
        """Say whether the answer gets lost on its way back."""
        if self._next_planned(call, after=True) or self.happens(self.shares["drop_after"]):
            return Drop.AFTER
        return None

    def _mishap(self) -> Reply | Drop | None:
        if self.happens(self.shares["drop_before"]):
            return Drop.BEFORE
        if self.happens(self.shares["share_429"]):
            return Reply(429, {"errors": [_THROTTLED]}, {"Retry-After": "1"})
        if self.happens(self.shares["share_500"]):
            return Reply(500, {"errors": [_BROKEN]})
        return None

    def _next_planned(self, call: Call, *, after: bool) -> Reply | Drop | None:
        planned = self._take(call, after=after)
        if planned is None or isinstance(planned, Reply | Drop):
            return planned
        return planned(call)

    def _take(self, call: Call, *, after: bool) -> Reply | Drop | Behaviour | None:
        if not self._planned:
            return None
        with self._lock:
            for planned in self._planned:
                if (planned.answer is Drop.AFTER) == after and planned.match in call.full_path:
                    planned.times -= 1
                    self._planned = [p for p in self._planned if p.times > 0]
                    return planned.answer
        return None

    def load(self, settings: dict[str, Any]) -> None:
        """Take a script written as JSON; what it leaves out stays as it was."""
        self.delay = float(settings.get("delay", self.delay))
        self.shares |= {name: float(settings[name]) for name in SHARES if name in settings}
        if "revoked" in settings:
            self.revoked = set(settings["revoked"])
        for planned in settings.get("answer_next", ()):
            self.answer_next(
                planned_answer(planned),
                times=int(planned.get("times", 1)),
                match=planned.get("match", ""),
            )


def planned_answer(written: dict[str, Any]) -> Reply | Drop | Behaviour:
    """Read one planned answer: a drop, a page, a pause, or a reply."""
    if drop := written.get("drop"):
        return Drop[str(drop).upper()]
    if written.get("html"):
        return html_forbidden()
    if title := written.get("page"):
        return page(str(title), status=int(written.get("status", 400)))
    if "pause" in written:
        return _pause(float(written["pause"]))
    return Reply(
        int(written.get("status", 200)), written.get("json"), dict(written.get("headers", {}))
    )


def _pause(seconds: float) -> Behaviour:
    def wait(call: Call) -> None:
        time.sleep(seconds)

    return wait


_THROTTLED = {
    "id": "00000000-0000-4000-8000-000000000429",
    "status": 429,
    "code": "throttled",
    "title": "Request was throttled.",
    "detail": "Request was throttled. Expected available in 1 second.",
    "source": {"pointer": "/data"},
    "links": {},
    "meta": {},
}
_BROKEN = {
    "id": "00000000-0000-4000-8000-000000000500",
    "status": 500,
    "code": "error",
    "title": "A server error occurred.",
    "detail": "A server error occurred.",
    "source": {"pointer": "/data"},
    "links": {},
    "meta": {},
}
