"""The id that one request has in every log line, here and at the proxy in front of us."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

# Whatever else a client sends as an id is not written into our logs.
_FIT = re.compile(r"[A-Za-z0-9._-]{8,100}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request this thread is at; empty outside of any."""
    return _current.get()


@contextmanager
def of_request(given: str | None) -> Iterator[str]:
    """Be at a request, under the id it came with or under a new one."""
    known = given if given and _FIT.fullmatch(given) else uuid4().hex
    token = _current.set(known)
    try:
        yield known
    finally:
        _current.reset(token)
