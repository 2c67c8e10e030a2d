"""Bulk profile imports: accepted now, written when the job's turn comes."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from sandbox.klaviyo.checks import decoded, identifier_faults, is_thrown_away
from sandbox.klaviyo.errors import Refusal, not_found, ok, too_large
from sandbox.klaviyo.jobs import Job, due_after
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.paging import page
from sandbox.klaviyo.people import given
from sandbox.klaviyo.profiles import check, store
from sandbox.klaviyo.shapes import IMPORT, ProfileData
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

KIND = "profile-bulk-import-job"
LIMIT = 10_000
# The smaller of the two meanings of MB: whoever keeps to it is right either way.
BODY_LIMIT = 5_000_000
PROFILES = "/data/attributes/profiles/data"


def submit(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/profile-bulk-import-jobs: one malformed profile refuses them all."""
    if len(call.body) > BODY_LIMIT:
        raise too_large("The body is larger than 5 MB.")
    profiles = decoded(IMPORT, call.body).data.attributes.profiles.data
    if len(profiles) > LIMIT:
        raise Refusal(400, f"At most {LIMIT} profiles are allowed.", pointer=PROFILES)
    for number, written in enumerate(profiles):
        if fault := next(identifier_faults(written.attributes, _at(number)), None):
            raise fault
    job = _job(klaviyo, account, profiles)
    account.jobs[job.id] = job
    return ok({"data": _resource(klaviyo, job)}, 202)


def _at(number: int) -> str:
    return f"{PROFILES}/{number}/attributes"


def _job(klaviyo: "Klaviyo", account: Account, profiles: list[ProfileData]) -> Job:
    now = klaviyo.clock()
    due = due_after(account.jobs.values(), now, klaviyo.settings.job_seconds)
    work = [msgspec.json.encode(written) for written in profiles]
    return Job(uuid4().hex, KIND, now, due, work, len(work))


def run(account: Account, job: Job) -> None:
    """Write the profiles of a job, keeping an error for each that could not be."""
    for number, raw in enumerate(job.work):
        try:
            _write(account, job, msgspec.json.decode(raw, type=ProfileData), number)
        except Refusal as refusal:
            job.failed += 1
            job.errors.append(_import_error(refusal, number, raw))
        else:
            job.completed += 1


def _write(account: Account, job: Job, written: ProfileData, number: int) -> None:
    if is_thrown_away(given(written.attributes)):
        account.dropped += 1
        return
    check(account, written, f"{PROFILES}/{number}")
    profile, _ = store(account, written, job.due)
    job.touched.append(profile.id)


def _import_error(refusal: Refusal, number: int, raw: bytes) -> dict[str, Any]:
    error = refusal.error()
    return {
        "type": "import-error",
        "id": error["id"],
        "attributes": {
            **{name: error[name] for name in ("code", "title", "detail")},
            "source": {"pointer": error["source"].get("pointer", f"{PROFILES}/{number}")},
            "original_payload": msgspec.json.decode(raw),
        },
    }


def get_job(klaviyo: "Klaviyo", account: Account, call: Call, job_id: str) -> Reply:
    """GET /api/profile-bulk-import-jobs/{id}"""
    return ok({"data": _resource(klaviyo, _find(account, job_id))})


def get_jobs(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """GET /api/profile-bulk-import-jobs"""
    jobs = [_resource(klaviyo, job) for job in account.jobs.values() if job.kind == KIND]
    return ok(page(klaviyo, call, jobs, size=100, largest=100))


def get_errors(klaviyo: "Klaviyo", account: Account, call: Call, job_id: str) -> Reply:
    """GET /api/profile-bulk-import-jobs/{id}/import-errors"""
    errors = _find(account, job_id).errors
    return ok(page(klaviyo, call, errors, size=20, largest=100))


def _find(account: Account, job_id: str) -> Job:
    job = account.jobs.get(job_id)
    if job is None or job.kind != KIND:
        raise not_found(f"A job with id {job_id}")
    return job


def _resource(klaviyo: "Klaviyo", job: Job) -> dict[str, Any]:
    attributes = job.attributes(klaviyo.clock())
    return {
        "type": KIND,
        "id": job.id,
        "attributes": {
            **attributes,
            "started_at": None if not job.done else attributes["completed_at"],
        },
        "links": {"self": f"{klaviyo.url}/api/{KIND}s/{job.id}/"},
    }
