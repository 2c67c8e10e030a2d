"""Delivering webhooks by Shopify's rules: five seconds, eight retries, then no more."""

import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import requests
from msgspec import Struct, field

from sandbox.shopify.signing import Webhook

TIMEOUT = 5.0
CONNECT_TIMEOUT = 1.0
RETRIES = 8
RETRY_SPAN = 4 * 3600.0
# Doubling waits that add up to the four hours Shopify keeps trying.
FIRST_WAIT = RETRY_SPAN / (2**RETRIES - 1)
DELIVERIES_KEPT = 300_000

Fail = Callable[[], None]


class Delivery(Struct):
    """What became of one webhook."""

    webhook_id: str
    event_id: str
    shop: str
    topic: str
    about: str
    kind: str
    triggered_at: str
    url: str
    answers: list[tuple[float, str]] = field(default_factory=list)
    accepted: bool = False
    given_up: bool = False


class _Errand(Struct):
    """One attempt to come."""

    webhook: Webhook
    secret: str
    url: str
    record: Delivery
    headers: dict[str, str]
    on_give_up: Fail | None
    retry: bool


class Sender:
    """Sends webhooks from a few threads and remembers every answer."""

    def __init__(self, *, time_scale: float = 1.0, workers: int = 8) -> None:
        self.time_scale = time_scale
        self.deliveries: OrderedDict[str, Delivery] = OrderedDict()
        self._due: list[tuple[float, int, _Errand]] = []
        self._count = itertools.count()
        self._ready = threading.Condition()
        self._busy = 0
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]

    def start(self) -> "Sender":
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop; what was not delivered stays undelivered."""
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout=TIMEOUT + CONNECT_TIMEOUT)

    def send(
        self,
        webhook: Webhook,
        *,
        to: str,
        secret: str,
        headers: dict[str, str] | None = None,
        retry: bool = True,
        on_give_up: Fail | None = None,
    ) -> Delivery:
        """Deliver a webhook as soon as a thread is free; `headers` override the right ones."""
        record = Delivery(
            webhook.webhook_id,
            webhook.event_id,
            webhook.shop,
            webhook.topic,
            webhook.about,
            webhook.kind,
            webhook.triggered_at.isoformat(),
            to,
        )
        own = {**webhook.headers(secret), **(headers or {})}
        errand = _Errand(webhook, secret, to, record, own, on_give_up, retry)
        with self._ready:
            self._keep(record)
            self._put(time.monotonic(), errand)
        return record

    def waiting(self) -> int:
        """Say how many attempts are to come."""
        with self._ready:
            return len(self._due) + self._busy

    def due_now(self) -> int:
        """Say how many attempts are late; a sender that keeps up has none."""
        now = time.monotonic()
        with self._ready:
            return sum(at <= now for at, _, _ in self._due) + self._busy

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is left to send; say whether that came true in time."""
        end = time.monotonic() + seconds
        while self.waiting() and time.monotonic() < end:
            time.sleep(0.01)
        return not self.waiting()

    def counts(self) -> dict[str, Any]:
        """Count deliveries by what became of them."""
        records = self.records()
        return {
            "deliveries": len(records),
            "accepted": sum(record.accepted for record in records),
            "given_up": sum(record.given_up for record in records),
            "attempts": sum(len(record.answers) for record in records),
        }

    def records(self) -> list[Delivery]:
        """List what became of every webhook, oldest first."""
        with self._ready:
            return list(self.deliveries.values())

    def forget(self) -> None:
        """Drop every record and whatever was still to be sent."""
        with self._ready:
            self.deliveries.clear()
            self._due.clear()

    def remember(self, records: list[Delivery]) -> None:
        """Take back the records of a former life."""
        with self._ready:
            for record in records:
                self._keep(record)

    def _keep(self, record: Delivery) -> None:
        # A duplicate carries the id of its original: both stay in the memory.
        key = f"{record.webhook_id}/{next(self._count)}"
        self.deliveries[key] = record
        if len(self.deliveries) > DELIVERIES_KEPT:
            self.deliveries.popitem(last=False)

    def _put(self, at: float, errand: _Errand) -> None:
        heapq.heappush(self._due, (at, next(self._count), errand))
        self._ready.notify()

    def _work(self) -> None:
        with requests.Session() as session:
            while (errand := self._next()) is not None:
                try:
                    self._attempt(session, errand)
                finally:
                    with self._ready:
                        self._busy -= 1

    def _next(self) -> _Errand | None:
        with self._ready:
            while not self._stopping:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    self._busy += 1
                    return heapq.heappop(self._due)[2]
                self._ready.wait(self._due[0][0] - now if self._due else None)
        return None

    def _attempt(self, session: requests.Session, errand: _Errand) -> None:
        answer = _post(session, errand)
        record = errand.record
        record.answers.append((time.time(), answer))
        record.accepted = answer.startswith("2")
        if record.accepted or not errand.retry:
            return
        if len(record.answers) > RETRIES:
            record.given_up = True
            if errand.on_give_up:
                errand.on_give_up()
            return
        wait = FIRST_WAIT * 2 ** (len(record.answers) - 1) * self.time_scale
        with self._ready:
            self._put(time.monotonic() + wait, errand)


def _post(session: requests.Session, errand: _Errand) -> str:
    try:
        answer = session.post(
            errand.url,
            data=errand.webhook.body,
            headers=errand.headers,
            timeout=(CONNECT_TIMEOUT, TIMEOUT),
            allow_redirects=False,
        )
    except requests.RequestException as exc:
        return type(exc).__name__
    return str(answer.status_code)
