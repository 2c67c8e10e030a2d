"""Asking Klaviyo what became of a job."""

from typing import Any

import msgspec

from integrations.domain.failures import PlatformError
from integrations.platforms.http import Answer

from .answers import failure_of, position
from .client import Job, JobError, Klaviyo
from .endpoints import Endpoint

MOST_PAGES = 100


class _Error(msgspec.Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    source: dict[str, Any] | None = None


class _Attributes(msgspec.Struct):
    status: str = ""
    failed_count: int | None = None
    errors: list[_Error] | None = None


class _Data(msgspec.Struct):
    attributes: _Attributes


class _Status(msgspec.Struct):
    data: _Data


class _ImportError(msgspec.Struct):
    attributes: _Error


class _Page(msgspec.Struct):
    data: list[_ImportError] = []
    links: dict[str, str | None] = {}


def look(client: Klaviyo, endpoint: Endpoint, job_id: str) -> Job:
    """Ask once about a job, with its errors when it has ended. Raises PlatformError."""
    answer = _good(client.get(f"{endpoint}/{job_id}"))
    attributes = msgspec.json.decode(answer.body, type=_Status).data.attributes
    if attributes.status not in {"complete", "cancelled"}:
        return Job(finished=False, errors=[])
    if endpoint is Endpoint.PROFILES:
        errors = _import_errors(client, job_id) if attributes.failed_count else []
    else:
        errors = [_error(one) for one in attributes.errors or []]
    return Job(finished=True, errors=errors)


def _import_errors(client: Klaviyo, job_id: str) -> list[JobError]:
    path: str | None = f"{Endpoint.PROFILES}/{job_id}/import-errors?page%5Bsize%5D=100"
    errors: list[JobError] = []
    for _ in range(MOST_PAGES):
        if path is None:
            break
        page = msgspec.json.decode(_good(client.get(path)).body, type=_Page)
        errors += [_error(one.attributes) for one in page.data]
        following = page.links.get("next")
        path = following.split("/api/", 1)[1] if following and "/api/" in following else None
    return errors


def _error(raw: _Error) -> JobError:
    pointer = str((raw.source or {}).get("pointer") or "")
    return JobError(position(pointer), raw.code, raw.detail or raw.title, pointer)


def _good(answer: Answer) -> Answer:
    if failure := failure_of(answer):
        raise PlatformError(failure)
    return answer
