"""Sends webhooks at a fixed rate, whatever the answers do, and times them.

A process of its own: `python -m benchmarks.sender SPEC`. It makes its requests first, says
"ready", starts at the word "go", and writes what it saw beside its spec.
"""

import selectors
import socket
import sys
import time
from collections import Counter, deque
from pathlib import Path

import msgspec

from benchmarks import shops

# A connection that broke is made anew after this; the request keeps its webhook id.
AGAIN_AFTER = 0.02
GIVE_UP_AFTER = 30.0


class Spec(msgspec.Struct):
    """What to send."""

    port: int
    rate: float
    count: int
    # Which share of the whole rate: this process sends each `of`-th request, from number `part`.
    part: int
    of: int
    seed: int
    secret: str
    stalls: list[shops.Stall]


class Seen(msgspec.Struct):
    """What came of it; times are of the system-wide monotonic clock."""

    sent: dict[str, float] = {}
    acknowledged: dict[str, float] = {}
    # From the moment a request was due to its answer, so that waiting for a free moment counts.
    milliseconds: list[float] = []
    late: list[float] = []
    statuses: dict[int, int] = {}
    again: int = 0


class Letter(msgspec.Struct):
    """One request on its way."""

    order: str
    data: bytes
    due: float = 0.0


class Sender:
    """A pool of kept-alive connections and a clock."""

    def __init__(self, spec: Spec) -> None:
        self._address = ("127.0.0.1", spec.port)
        self._selector = selectors.DefaultSelector()
        self._free: list[socket.socket] = []
        self._busy: dict[socket.socket, tuple[Letter, bytearray]] = {}
        self._again: deque[tuple[float, Letter]] = deque()
        self._statuses: Counter[int] = Counter()
        self.seen = Seen()

    def send_all(self, letters: list[Letter]) -> None:
        """Send each when it is due, and wait for the last answer."""
        waiting = deque(letters)
        deadline = letters[-1].due + GIVE_UP_AFTER
        while (waiting or self._busy or self._again) and time.monotonic() < deadline:
            now = time.monotonic()
            while waiting and waiting[0].due <= now:
                letter = waiting.popleft()
                self.seen.late.append((now - letter.due) * 1000)
                self._send(letter)
            while self._again and self._again[0][0] <= now:
                self._send(self._again.popleft()[1])
            next_at = min(
                [deadline, *(one.due for one in list(waiting)[:1])]
                + [at for at, _ in list(self._again)[:1]]
            )
            for key, _ in self._selector.select(max(0.0, next_at - time.monotonic())):
                self._receive(key.fileobj)  # type: ignore[arg-type]
        self.seen.statuses = dict(self._statuses)

    def _send(self, letter: Letter) -> None:
        self.seen.sent.setdefault(letter.order, time.monotonic())
        try:
            connection = self._free.pop() if self._free else self._connect()
            self._busy[connection] = (letter, bytearray())
            connection.sendall(letter.data)
        except OSError:
            self._broken(locals().get("connection"), letter)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def _receive(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        letter, answer = self._busy.get(connection, (None, bytearray()))
        if not data:
            self._broken(connection, letter)
            return
        answer += data
        if letter is not None and _is_whole(answer):
            del self._busy[connection]
            self._answered(letter, int(answer[9:12]))
            if b"connection: close" in answer.lower():
                self._close(connection)
            else:
                self._free.append(connection)

    def _answered(self, letter: Letter, status: int) -> None:
        now = time.monotonic()
        self._statuses[status] += 1
        if status == 200:
            self.seen.milliseconds.append((now - letter.due) * 1000)
            self.seen.acknowledged[letter.order] = now
        else:
            self._later(letter)

    def _broken(self, connection: socket.socket | None, letter: Letter | None) -> None:
        if connection is not None:
            self._busy.pop(connection, None)
            self._close(connection)
        if letter is not None:
            self._later(letter)

    def _later(self, letter: Letter) -> None:
        self.seen.again += 1
        self._again.append((time.monotonic() + AGAIN_AFTER, letter))

    def _close(self, connection: socket.socket) -> None:
        if connection in self._free:
            self._free.remove(connection)
        self._selector.unregister(connection)
        connection.close()


def _is_whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
    return len(answer) >= end + 4 + int(length or 0)


def letters(spec: Spec) -> list[Letter]:
    """Every request this process will send, ready to go."""
    stalls = spec.stalls[spec.part :: spec.of]
    turns = shops.in_turn(stalls, seed=spec.seed)
    made = []
    for number, (stall, told) in zip(range(spec.count), turns, strict=False):
        webhook_id = f"{spec.seed}-{spec.part}-{number}"
        data = shops.request(stall, told, secret=spec.secret, webhook_id=webhook_id)
        made.append(Letter(told.order, data))
    return made


def main() -> None:
    """Make, wait, send, write."""
    path = Path(sys.argv[1])
    spec = msgspec.json.decode(path.read_bytes(), type=Spec)
    made = letters(spec)
    print("ready", flush=True)
    start = float(sys.stdin.readline())
    for number, letter in enumerate(made):
        letter.due = start + (number * spec.of + spec.part) / spec.rate
    sender = Sender(spec)
    sender.send_all(made)
    path.with_suffix(".seen").write_bytes(msgspec.json.encode(sender.seen))


if __name__ == "__main__":
    main()
