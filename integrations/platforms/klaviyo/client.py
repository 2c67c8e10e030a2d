"""Klaviyo's API, one call at a time."""

from datetime import timedelta

import msgspec

from integrations.platforms.http import Answer, send

from . import REVISION
from .endpoints import Endpoint

MEDIA = "application/vnd.api+json"
# No limit is larger; a number beyond it would not fit where it is kept.
MOST = 10**9


class Klaviyo:
    """One account's door, opened with a private key or an access token; it decides nothing."""

    def __init__(self, base_url: str, key: str, *, bearer: bool = False) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {
            "Authorization": f"{'Bearer' if bearer else 'Klaviyo-API-Key'} {key}",
            "revision": REVISION,
            "Accept": MEDIA,
            "Content-Type": MEDIA,
        }

    def __repr__(self) -> str:
        return f"<Klaviyo at {self._base}>"

    def post(self, endpoint: Endpoint, body: bytes) -> Answer:
        """Send one request's body. Raises NoAnswer."""
        return send("POST", f"{self._base}/api/{endpoint}", headers=self._headers, body=body)

    def get(self, path: str) -> Answer:
        """Read one address below /api/. Raises NoAnswer."""
        return send("GET", f"{self._base}/api/{path}", headers=self._headers)


class _Resource(msgspec.Struct):
    id: str = ""


class _Created(msgspec.Struct):
    data: _Resource | None = None


def created_id(answer: Answer) -> str:
    """The id of what was created; empty when the answer names none (seen in the wild)."""
    try:
        created = msgspec.json.decode(answer.body, type=_Created)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return created.data.id if created.data else ""


class JobError(msgspec.Struct):
    """One item of a job that failed."""

    position: int | None
    code: str
    detail: str
    pointer: str
    # Whom it is about, by address or number; a refusal of a person need not say which item it was.
    person: str = ""


class Job(msgspec.Struct):
    """How far a job is."""

    finished: bool
    errors: list[JobError]


class Allowance(msgspec.Struct, frozen=True):
    """What an answer says about the steady window."""

    limit: int
    remaining: int
    reset: timedelta


def allowance(answer: Answer) -> Allowance | None:
    """Read the rate headers; a 429 carries none."""
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    # The limit may be written as "150, 150;w=60": the first number is what counts.
    values = [answer.headers.get(name, "").split(",")[0].strip() for name in names]
    if not all(value.isascii() and value.isdigit() for value in values):
        return None
    limit, remaining, reset = (min(int(value[:12]), MOST) for value in values)
    return Allowance(limit, remaining, timedelta(seconds=reset))
