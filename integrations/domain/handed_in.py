"""Failed records that somebody hands in as JSON lines: what a line must say to be taken."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import blake2b

import msgspec

from . import parameters

# A line holds one message; no platform sends a larger one, and base64 takes a third more.
LONGEST_LINE = 8_000_000
LONGEST_NAME = 200
LONGEST_ERROR = 500
BOM = b"\xef\xbb\xbf"


class BadLine(Exception):
    """A line that cannot be taken; its code groups it with others, its text is for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class Record(msgspec.Struct, frozen=True):
    """One failed record: the shop's message, and what was said when it failed."""

    name: str
    topic: str
    body: bytes
    api_version: str = ""
    triggered_at: datetime | None = None
    error: str = ""


class _Line(msgspec.Struct):
    topic: str
    body: msgspec.Raw
    webhook_id: str = ""
    api_version: str = ""
    triggered_at: str | None = None
    error: str | None = ""
    store: str = ""
    masked: bool = False


class _Packed(msgspec.Struct, forbid_unknown_fields=True):
    """A body that is no JSON, as our own export writes it."""

    base64: str


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_packed = msgspec.json.Decoder(_Packed).decode


def lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Split a file into numbered lines, from 1; None stands for one that is too long.

    Never more than one line is in memory. Empty lines are left out, but counted.
    """
    rest, number, is_skipping = bytearray(), 1, False
    for chunk in chunks:
        *ended, last = chunk.split(b"\n")
        for part in ended:
            yield from _one(number, rest, part, is_skipping)
            rest, number, is_skipping = bytearray(), number + 1, False
        if not is_skipping:
            rest += last
        if len(rest) > LONGEST_LINE:
            rest, is_skipping = bytearray(), True
    yield from _one(number, rest, b"", is_skipping)


def _one(
    number: int, rest: bytearray, part: bytes, is_skipping: bool
) -> Iterator[tuple[int, bytes | None]]:
    if is_skipping or len(rest) + len(part) > LONGEST_LINE:
        yield number, None
        return
    line = bytes(rest) + part
    line = (line.removeprefix(BOM) if number == 1 else line).strip()
    if line:
        yield number, line


def read(line: bytes | None, *, shop: str, knows: Callable[[str], bool], most_bytes: int) -> Record:
    """Read one line for the shop of this domain. Raises BadLine."""
    if line is None:
        raise BadLine("long", "The line is longer than any message of a shop.")
    try:
        found = _decode_line(line)
    except msgspec.ValidationError as exc:
        raise BadLine("shape", f"The line is not built as described: {exc}.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadLine("json", "The line is not JSON.") from exc
    if found.masked:
        raise BadLine(
            "masked",
            "Names and addresses are hidden in it. Export it again with them in clear.",
        )
    if found.store and found.store.strip().lower() != shop:
        raise BadLine("shop", "The line is of another shop.")
    if not knows(found.topic):
        raise BadLine("topic", "The console sends nothing on of a message of this kind.")
    body = _body(found.body)
    if len(body) > most_bytes:
        raise BadLine("size", "The message is larger than the console takes from a shop.")
    return Record(
        name=_name(found, body),
        topic=found.topic,
        body=body,
        api_version=_text(found.api_version)[:20],
        triggered_at=_moment(found.triggered_at),
        error=_text(found.error or "")[:LONGEST_ERROR],
    )


def _body(raw: msgspec.Raw) -> bytes:
    body = bytes(raw)
    if body == b"null":
        raise BadLine("empty", "The content of the message is not in it any more.")
    if not body.startswith(b"{"):
        raise BadLine("shape", "The line is not built as described: `body` is no object.")
    try:
        packed = _decode_packed(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    try:
        return base64.b64decode(packed.base64, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadLine("shape", "The line is not built as described: its base64 is none.") from exc


def _name(found: _Line, body: bytes) -> str:
    """What tells the message from others: its own id, or else what it says."""
    given = _text(found.webhook_id).strip()
    if given and len(given) <= LONGEST_NAME:
        return given
    said = blake2b(found.topic.encode() + b"\n" + body, digest_size=20).hexdigest()
    return f"handed-in:{said}"


def _moment(text: str | None) -> datetime | None:
    moment = parameters.moment(text) if text else None
    if text and moment is None:
        raise BadLine("time", "`triggered_at` is no time, such as 2026-05-31T09:30:00Z.")
    return moment


def _text(text: str) -> str:
    """What PostgreSQL can keep of it, on one line."""
    return " ".join(text.replace("\x00", "").split())
