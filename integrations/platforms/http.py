"""The one HTTP client: pooled, with timeouts on everything, failures turned into PlatformError."""

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from integrations.domain.failures import Failure, FailureKind, PlatformError

# A drain must end within 20 s of a stop, so one call may take ten at most.
TIMEOUT = (3.05, 10.0)
LONGEST_ANSWER = 2000
# A thread remembers so many kinds of request; a kind is an address with its headers.
MOST_KINDS = 256

_local = threading.local()


class Answer(msgspec.Struct, frozen=True):
    """What came back, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: int

    @property
    def text(self) -> str:
        """The start of the body, for a person to read."""
        return self.body[:LONGEST_ANSWER].decode("utf-8", "replace").replace("\x00", "")

    @property
    def is_json(self) -> bool:
        """Whether the sender says that this is JSON; a Cloudflare page is not."""
        return "json" in self.headers.get("content-type", "")


class NoAnswer(PlatformError):
    """The call may or may not have had its effect; `milliseconds` says how long we waited."""

    def __init__(self, failure: Failure, milliseconds: int) -> None:
        super().__init__(failure)
        self.milliseconds = milliseconds


def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Make one call and return whatever was answered. Raises NoAnswer (transient).

    Redirects are not followed: no platform we call uses them, and they would carry our token away.
    """
    started = time.monotonic()
    try:
        kind = _kind(method, url, tuple(headers.items()))
        response = kind.pool.urlopen(
            method,
            kind.path,
            body,
            kind.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(connect=TIMEOUT[0], read=TIMEOUT[1]),
        )
    except (requests.RequestException, HTTPError, OSError) as exc:
        code = _code(exc)
        failure = Failure(
            kind=FailureKind.TRANSIENT,
            message="No answer in time."
            if code.endswith("Timeout")
            else "The connection broke before an answer came.",
            code=code,
        )
    else:
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.data,
            milliseconds=_since(started),
        )
    # Not chained: the library's own exceptions hold the request, and may quote a token from it.
    raise NoAnswer(failure, _since(started))


class _Kind(NamedTuple):
    """Everything of a request but its body: the same few are sent again and again."""

    pool: HTTPConnectionPool
    path: str
    headers: Mapping[str, str]


class _Adapter(HTTPAdapter):
    """Makes a request what the library makes of it, once, and leaves its sending to the pool.

    What a session does around each request (cookies, redirects, hooks, proxies) is not for us,
    and cost more than the sending.
    """

    def __init__(self) -> None:
        super().__init__()
        self._session = requests.Session()
        # Neither the environment's proxies nor its passwords (.netrc) are ours.
        self._session.trust_env = False
        self._kinds: dict[object, _Kind] = {}

    def kind(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> _Kind:
        """Look a kind of request up, or make it. Raises requests.RequestException, HTTPError."""
        key = (method, url, headers)
        if (known := self._kinds.get(key)) is not None:
            return known
        # Its UTF-8, byte by byte: a key with a sign beyond Latin-1 is refused by the platform, not
        # by us.
        named = {name: value.encode().decode("latin-1") for name, value in headers}
        request = self._session.prepare_request(requests.Request(method, url, headers=named))
        pool = self.get_connection_with_tls_context(request, verify=True)
        assert isinstance(pool, HTTPConnectionPool)  # noqa: S101 - what the stubs call otherwise
        self.cert_verify(pool, request.url, verify=True, cert=None)  # type: ignore[no-untyped-call]
        # How long a body is, is said with each.
        kept = {name: value for name, value in request.headers.items() if name != "Content-Length"}
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        made = self._kinds[key] = _Kind(pool, request.path_url, kept)
        return made


def _kind(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> _Kind:
    """From a thread's own connections, which no other thread uses."""
    adapter: _Adapter | None = getattr(_local, "adapter", None)
    if adapter is None:
        adapter = _local.adapter = _Adapter()
    return adapter.kind(method, url, headers)


def _code(exc: Exception) -> str:
    """What went wrong, by the names that the library gives to it."""
    match exc:
        case ReadTimeoutError():
            return "ReadTimeout"
        case ConnectTimeoutError() if not isinstance(exc, NewConnectionError):
            return "ConnectTimeout"
        case SSLError():
            return "SSLError"
        case requests.RequestException():
            return type(exc).__name__
        case _:
            return "ConnectionError"


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
