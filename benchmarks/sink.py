"""A Klaviyo that takes everything and reads nothing, so that its own work is not measured."""

import argparse
import asyncio

from benchmarks.answered import Answered

# Limits so wide that they are off, told as Klaviyo tells them.
HEADERS = (
    b"Content-Type: application/vnd.api+json\r\nRateLimit-Limit: 1000000000\r\n"
    b"RateLimit-Remaining: 999999999\r\nRateLimit-Reset: 1\r\n"
)
TAKEN = b'{"data":{"type":"job","id":"job-1"}}'
FINISHED = b'{"data":{"attributes":{"status":"complete","failed_count":0}}}'
NO_ORDERS = b'{"data":{"nodes":[]}}'

answered = Answered()


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._data = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._data[:end])
            size = end + 4 + _length(head)
            if len(self._data) < size:
                return
            body = bytes(self._data[end + 4 : size])
            del self._data[:size]
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST /api/"):
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay, self._answer, 202, TAKEN, body)
        elif head.startswith(b"POST /shopify/"):
            self._answer(200, NO_ORDERS)
        elif head.startswith(b"POST /forget"):
            answered.forget()
            self._answer(200, b"")
        elif head.startswith(b"GET /answered"):
            self._answer(200, answered.told())
        else:
            self._answer(200, FINISHED)

    def _answer(self, status: int, text: bytes, taken: bytes | None = None) -> None:
        if self._transport.is_closing():
            return
        if taken is not None:
            answered.note(taken)
        self._transport.write(
            b"HTTP/1.1 %d OK\r\n%bContent-Length: %d\r\n\r\n%b" % (status, HEADERS, len(text), text)
        )


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    chosen = parser.parse_args()
    Connection.delay = chosen.delay
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", chosen.port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
