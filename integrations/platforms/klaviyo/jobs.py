"""Asking Klaviyo what became of a job."""

from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from .answers import clean, position, read
from .client import Job, JobError, Klaviyo
from .endpoints import Endpoint

T = TypeVar("T")

MOST_PAGES = 100
ABOUT = "Klaviyo's answer about a job"


class _Error(msgspec.Struct):
    code: str = ""
    title: str = ""
    detail: str = ""
    source: dict[str, Any] | None = None
    original_payload: dict[str, Any] | None = None


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
    path = f"{endpoint}/{quote(job_id, safe='')}"
    attributes = read(client.get(path), _Status, what=ABOUT).data.attributes
    if attributes.status not in {"complete", "cancelled"}:
        return Job(finished=False, errors=[])
    if endpoint is Endpoint.PROFILES:
        errors = _import_errors(client, job_id) if attributes.failed_count else []
    else:
        errors = [_error(one) for one in attributes.errors or []]
    return Job(finished=True, errors=errors)


def _import_errors(client: Klaviyo, job_id: str) -> list[JobError]:
    path: str | None = (
        f"{Endpoint.PROFILES}/{quote(job_id, safe='')}/import-errors?page%5Bsize%5D=100"
    )
    errors: list[JobError] = []
    for _ in range(MOST_PAGES):
        if path is None:
            break
        page = read(client.get(path), _Page, what=ABOUT)
        errors += [_error(one.attributes) for one in page.data]
        following = page.links.get("next")
        path = following.split("/api/", 1)[1] if following and "/api/" in following else None
    return errors


def _error(raw: _Error) -> JobError:
    pointer = clean(str((raw.source or {}).get("pointer") or ""), 300)
    code, detail = clean(raw.code, 80), clean(raw.detail or raw.title, 500)
    return JobError(position(pointer), code, detail, pointer, _person(raw.original_payload))


def _person(payload: dict[str, Any] | None) -> str:
    attributes = (payload or {}).get("attributes")
    if not isinstance(attributes, dict):
        return ""
    return str(attributes.get("email") or attributes.get("phone_number") or "")
