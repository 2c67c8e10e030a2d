"""Profiles as one account remembers them, found by any of their identifiers."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from sandbox.klaviyo.errors import duplicate_profile
from sandbox.klaviyo.shapes import ProfileAttributes

# Klaviyo's order of precedence when a body carries several identifiers.
IDENTIFIERS = ("external_id", "email", "phone_number", "anonymous_id", "_kx")
UNIQUE = ("email", "phone_number", "external_id")


class Profile(Struct):
    """One person; `before` is what readers still see until a change becomes visible."""

    id: str
    created: float
    changed: float
    fields: dict[str, Any]
    before: dict[str, Any] | None = None
    last_event: float | None = None

    def seen(self, now: float, visible_after: float) -> dict[str, Any] | None:
        """Say what a reader sees at `now`; None means nothing yet."""
        return self.fields if now >= self.changed + visible_after else self.before


def given(attributes: ProfileAttributes) -> dict[str, Any]:
    """List the fields that a body names, nulls included."""
    fields: dict[str, Any] = {
        name: value
        for name in attributes.__struct_fields__
        if (value := getattr(attributes, name)) is not UNSET
    }
    fields.pop("meta", None)
    if "kx" in fields:
        fields["_kx"] = fields.pop("kx")
    if fields.get("location") is not None:
        fields["location"] = msgspec.to_builtins(fields["location"])
    return fields


def key_of(name: str, value: str) -> tuple[str, str]:
    """Make the index key of an identifier; e-mail addresses ignore case."""
    return name, value.lower() if name == "email" else value


class People:
    """All profiles of one account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self.by_id: dict[str, Profile] = {}
        self._index: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def __iter__(self) -> Iterator[Profile]:
        return iter(list(self.by_id.values()))

    def find(self, name: str, value: str) -> Profile | None:
        """Find the profile that has this identifier."""
        found = self._index.get(key_of(name, value))
        return self.by_id.get(found) if found else None

    def of_event(self, profile_id: str | None, fields: dict[str, Any], now: float) -> Profile:
        """Find or make the profile an event belongs to, and add what the event says of it."""
        named = {name: value for name, value in fields.items() if value is not None}
        profile = self.by_id.get(profile_id) if profile_id else self._first(named)
        if profile is None:
            return self._create(named, now)
        free = {
            n: v for n, v in named.items() if n not in IDENTIFIERS or self._may_add(profile, n, v)
        }
        self._merge(profile, free, now)
        return profile

    def upsert(
        self, profile_id: str | None, fields: dict[str, Any], now: float
    ) -> tuple[Profile, bool]:
        """Import one profile; refuse when its identifiers belong to different people."""
        owners = [owner for n in UNIQUE if fields.get(n) and (owner := self.find(n, fields[n]))]
        profile = self.by_id.get(profile_id) if profile_id else self._first(fields)
        for owner in owners:
            if profile is not None and owner.id != profile.id:
                raise duplicate_profile(owner.id)
        if profile is None:
            return self._create({n: v for n, v in fields.items() if v is not None}, now), True
        self._merge(profile, fields, now)
        return profile, False

    def patch(self, profile: Profile, patches: dict[str, Any], now: float) -> None:
        """Append to, take from and unset custom properties."""
        properties = dict(profile.fields.get("properties") or {})
        for name, value in (patches.get("append") or {}).items():
            properties[name] = [*_listed(properties.get(name)), *_listed(value)]
        for name, value in (patches.get("unappend") or {}).items():
            gone = _listed(value)
            properties[name] = [kept for kept in _listed(properties.get(name)) if kept not in gone]
        unset = dict.fromkeys(_listed(patches.get("unset")))
        self._merge(profile, {"properties": {**properties, **unset}}, now)

    def remove(self, profile: Profile) -> None:
        """Forget one person."""
        del self.by_id[profile.id]
        self._index = {key: pid for key, pid in self._index.items() if pid != profile.id}

    def load(self, profiles: list[Profile]) -> None:
        """Take profiles from a snapshot."""
        for profile in profiles:
            self.by_id[profile.id] = profile
            self._point_at(profile)

    def _first(self, fields: dict[str, Any]) -> Profile | None:
        for name in IDENTIFIERS:
            if (value := fields.get(name)) and (profile := self.find(name, value)):
                return profile
        return None

    def _may_add(self, profile: Profile, name: str, value: str) -> bool:
        return not profile.fields.get(name) and self.find(name, value) is None

    def _create(self, fields: dict[str, Any], now: float) -> Profile:
        profile = Profile(self._new_id(), now, now, {})
        self._apply(profile, fields)
        self.by_id[profile.id] = profile
        self._point_at(profile)
        return profile

    def _new_id(self) -> str:
        seed = f"{self._account}/{len(self.by_id)}/{len(self._index)}"
        return "01" + hashlib.sha256(seed.encode()).hexdigest()[:24].upper()

    def _merge(self, profile: Profile, fields: dict[str, Any], now: float) -> None:
        if all(profile.fields.get(name) == value for name, value in fields.items()):
            return
        if profile.changed < now:
            profile.before, profile.changed = dict(profile.fields), now
        self._unpoint(profile, fields)
        self._apply(profile, fields)
        self._point_at(profile)

    def _apply(self, profile: Profile, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if name in ("properties", "location") and value is not None:
                whole = {**(profile.fields.get(name) or {}), **value}
                profile.fields[name] = {k: v for k, v in whole.items() if v is not None}
            elif value is None:
                profile.fields.pop(name, None)
            else:
                profile.fields[name] = value

    def _point_at(self, profile: Profile) -> None:
        for name in IDENTIFIERS:
            if value := profile.fields.get(name):
                self._index[key_of(name, value)] = profile.id

    def _unpoint(self, profile: Profile, fields: dict[str, Any]) -> None:
        for name in IDENTIFIERS:
            if name in fields and (old := profile.fields.get(name)):
                self._index.pop(key_of(name, old), None)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
