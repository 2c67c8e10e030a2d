"""When a stand-in answered for which order: the far end of the latency measurement."""

import time
from collections.abc import Iterator

import msgspec

METRIC = b'"name":"Placed Order"'
UNIQUE_ID = b'"unique_id":"'


class Answered:
    """Placed orders with the moment of their answer; a repeated one stands here twice."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float]] = []
        self.requests = 0

    def note(self, body: bytes) -> None:
        """Note the orders a request holds, as it is answered."""
        now = time.monotonic()
        self.requests += 1
        self.rows += [(one.decode(), now) for one in placed_orders(body)]

    def told(self) -> bytes:
        """Everything so far, as JSON."""
        return msgspec.json.encode({"requests": self.requests, "rows": self.rows})

    def forget(self) -> None:
        """Begin anew."""
        self.rows, self.requests = [], 0


def placed_orders(body: bytes) -> Iterator[bytes]:
    """The unique ids of placed orders; found by searching, which costs microseconds."""
    at = body.find(METRIC)
    while at >= 0:
        start = body.find(UNIQUE_ID, at) + len(UNIQUE_ID)
        yield body[start : body.find(b'"', start)]
        at = body.find(METRIC, start)
