"""The one HTTP client: pooled, with timeouts on everything, failures turned into PlatformError."""

import threading
import time
from collections.abc import Mapping
from functools import lru_cache

import msgspec
import requests

from integrations.domain.failures import Failure, FailureKind, PlatformError

# A drain must end within 20 s of a stop, so one call may take ten at most.
TIMEOUT = (3.05, 10.0)
LONGEST_ANSWER = 2000

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
        request = _template(method, url, tuple(headers.items())).copy()
        request.prepare_body(body, None)
        response = _session().send(request, timeout=TIMEOUT, allow_redirects=False)
        content = response.content
    except requests.RequestException as exc:
        failure = Failure(
            kind=FailureKind.TRANSIENT,
            message="No answer in time."
            if isinstance(exc, requests.Timeout)
            else "The connection broke before an answer came.",
            code=type(exc).__name__,
        )
    else:
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            milliseconds=_since(started),
        )
    # Not chained: the library's own exceptions hold the request, and may quote a token from it.
    raise NoAnswer(failure, _since(started))


@lru_cache(maxsize=256)
def _template(
    method: str, url: str, headers: tuple[tuple[str, str], ...]
) -> requests.PreparedRequest:
    """A request without its body: the same few are sent again and again."""
    # As bytes: a key with a sign beyond Latin-1 is refused by the platform, not by us.
    named = {name: value.encode() for name, value in headers}
    return _session().prepare_request(requests.Request(method, url, headers=named))


def _session() -> requests.Session:
    """One session per thread: sessions are not safe to share."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = requests.Session()
        # The environment's proxies and .netrc are looked up anew on every call, at half its cost.
        session.trust_env = False
        _local.session = session
    return session


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
