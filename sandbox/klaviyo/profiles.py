"""Profiles: import one, import many, read them back."""

from typing import TYPE_CHECKING, Any

import msgspec

from sandbox.klaviyo.checks import decoded, identifier_faults
from sandbox.klaviyo.errors import Refusal, accepted, not_found, ok, too_large
from sandbox.klaviyo.filters import clauses
from sandbox.klaviyo.memory import Account
from sandbox.klaviyo.paging import page
from sandbox.klaviyo.people import Profile, given
from sandbox.klaviyo.shapes import PROFILE, ProfileData
from sandbox.klaviyo.times import iso
from sandbox.messages import Call, Reply

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

ONE_LIMIT = 100_000
SHOWN = (
    "email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale",
    "title", "image",
)  # fmt: skip
FILTERS = {name: {"equals", "any"} for name in ("id", "email", "phone_number", "external_id")}


def import_profile(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/profile-import: make a profile or change what the body names."""
    if len(call.body) > ONE_LIMIT:
        raise too_large("The body is larger than 100 KB.")
    written = decoded(PROFILE, call.body).data
    check(account, written, "/data")
    profile, is_new = store(account, written, klaviyo.clock())
    body = {"data": resource(profile, profile.fields, klaviyo.url)}
    return ok(body, 201 if is_new else 200)


def check(account: Account, written: ProfileData, at: str) -> None:
    """Refuse a profile that names nobody or names them wrongly."""
    fields = given(written.attributes)
    names = ("email", "phone_number", "external_id", "_kx")
    if not written.id and not any(fields.get(name) for name in names):
        detail = f"One of these is needed: id, {', '.join(names)}."
        raise Refusal(400, detail, pointer=f"{at}/attributes")
    if fault := next(identifier_faults(written.attributes, f"{at}/attributes"), None):
        raise fault
    if written.id and written.id not in account.people.by_id:
        raise not_found(f"A profile with id {written.id}")


def store(account: Account, written: ProfileData, now: float) -> tuple[Profile, bool]:
    """Write one checked profile and the patches that come with it."""
    fields = given(written.attributes)
    patches = (written.meta or {}).get("patch_properties") or {}
    profile, is_new = account.people.upsert(written.id, fields, now)
    if patches:
        account.people.patch(profile, patches, now)
    return profile, is_new


def get_profiles(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """GET /api/profiles"""
    wanted = clauses(call.query.get("filter", ""), FILTERS)
    now, wait = klaviyo.clock(), klaviyo.settings.visible_after
    found = [
        resource(profile, fields, klaviyo.url)
        for profile in _candidates(account, [(c.field, c.values) for c in wanted])
        if (fields := profile.seen(now, wait)) is not None
    ]
    return ok(page(klaviyo, call, found, size=20, largest=100))


def _candidates(account: Account, wanted: list[tuple[str, list[str]]]) -> list[Profile]:
    if not wanted:
        return list(account.people)
    name, values = wanted[0]
    if name == "id":
        found = [account.people.by_id.get(value) for value in values]
    else:
        found = [account.people.find(name, value) for value in values]
    return list({profile.id: profile for profile in found if profile}.values())


def get_profile(klaviyo: "Klaviyo", account: Account, call: Call, profile_id: str) -> Reply:
    """GET /api/profiles/{id}"""
    profile = account.people.by_id.get(profile_id)
    now, wait = klaviyo.clock(), klaviyo.settings.visible_after
    if profile is None or (fields := profile.seen(now, wait)) is None:
        raise not_found(f"A profile with id {profile_id}")
    return ok({"data": resource(profile, fields, klaviyo.url)})


def patch_profile(klaviyo: "Klaviyo", account: Account, call: Call, profile_id: str) -> Reply:
    """PATCH /api/profiles/{id}"""
    written = decoded(PROFILE, call.body).data
    if written.id != profile_id:
        raise Refusal(400, "The id must be that of the URL.", pointer="/data/id")
    check(account, written, "/data")
    profile, _ = store(account, written, klaviyo.clock())
    return ok({"data": resource(profile, profile.fields, klaviyo.url)})


def delete_person(klaviyo: "Klaviyo", account: Account, call: Call) -> Reply:
    """POST /api/data-privacy-deletion-jobs"""
    try:
        person = call.json["data"]["attributes"]["profile"]["data"]
    except (KeyError, TypeError, msgspec.DecodeError):
        raise Refusal(400, "A profile is needed.", pointer="/data/attributes/profile") from None
    named = {"id": person.get("id"), **person.get("attributes", {})}
    named = {name: value for name, value in named.items() if value}
    if len(named) != 1:
        raise Refusal(400, "Exactly one identifier is needed.", pointer="/data/attributes/profile")
    for profile in _candidates(account, [(name, [value]) for name, value in named.items()]):
        account.erase(profile)
    return accepted()


def resource(profile: Profile, fields: dict[str, Any], url: str) -> dict[str, Any]:
    """Write a profile as the API shows it."""
    return {
        "type": "profile",
        "id": profile.id,
        "attributes": {
            **{name: fields.get(name) for name in SHOWN},
            "created": iso(profile.created),
            "updated": iso(max(profile.changed, profile.last_event or 0.0)),
            "last_event_date": iso(profile.last_event) if profile.last_event else None,
            "location": fields.get("location") or {},
            "properties": fields.get("properties") or {},
        },
        "links": {"self": f"{url}/api/profiles/{profile.id}/"},
    }
