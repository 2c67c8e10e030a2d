"""Large files, taken in pieces as they come: bytes only, bounded memory, and addresses that are
secrets themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import requests

from integrations.domain.failures import Failure, FailureKind, PlatformError

# Longer between two pieces than for a whole short answer: storage may have to wake up.
TIMEOUT = (3.05, 20.0)
PIECE = 256 * 1024


class Link:
    """An address that opens its file to whoever has it; it is never shown."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __repr__(self) -> str:
        return "<link>"

    def reveal(self) -> str:
        """The address itself, to fetch from and for nothing else."""
        return self._address


class File(msgspec.Struct, frozen=True):
    """A file that is being sent: where in it the pieces begin, its mark, and the pieces."""

    status: int
    starts_at: int
    mark: str
    media_type: str
    pieces: Iterator[bytes]


@contextmanager
def opened(link: Link, *, offset: int = 0, mark: str = "") -> Iterator[File]:
    """Ask for a file from a byte on, if it still is the one with this mark.

    The server may send all of it instead; `starts_at` says so. Raises PlatformError (transient)
    here and while pieces are taken, when the connection breaks.
    """
    headers = {"Accept-Encoding": "identity"}
    if offset and mark:
        headers |= {"Range": f"bytes={offset}-", "If-Range": mark}
    try:
        # A session of its own: no cookies and no token of anybody go along.
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(
                link.reveal(), headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False
            )
            yield File(
                status=response.status_code,
                starts_at=offset if response.status_code == 206 else 0,
                mark=response.headers.get("ETag", ""),
                media_type=response.headers.get("Content-Type", ""),
                pieces=_pieces(response),
            )
    except requests.RequestException as exc:
        failure = _broken(exc)
    else:
        return
    # Not chained: the library's own exceptions quote the address.
    raise PlatformError(failure)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    announced, came = int(response.headers.get("Content-Length") or -1), 0
    for piece in response.iter_content(PIECE):
        came += len(piece)
        yield piece
    if 0 <= came < announced:
        raise requests.ConnectionError("the file ended before its announced length")


def _broken(exc: requests.RequestException) -> Failure:
    slow = isinstance(exc, requests.Timeout)
    return Failure(
        FailureKind.TRANSIENT,
        "The file came too slowly." if slow else "The connection broke while the file came.",
        code="download_broke",
    )
