"""Reading back what an account holds: people before they are written to, variants of an item."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from integrations.domain.operations import Profile
from integrations.domain.undo import WRITTEN

from .answers import read
from .bodies import catalog_id
from .client import Klaviyo

T = TypeVar("T")

# Klaviyo shows up to 100 profiles a page; half of that keeps the address below four kilobytes,
# since how long an address may be is not published.
MOST_PROFILES = 50
_FIELDS = ",".join(WRITTEN)


class _Resource(msgspec.Struct):
    attributes: dict[str, Any]


class _List(msgspec.Struct):
    data: list[_Resource] = []


class _Row(msgspec.Struct):
    id: str


class _Rows(msgspec.Struct):
    data: list[_Row] = []


def profiles(client: Klaviyo, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the account holds of these people, by the key we know them by. Raises PlatformError.

    At most MOST_PROFILES, all of them addresses or all of them numbers; who is not in the answer
    is not there. Only what we ever write is asked for.
    """
    field = "phone_number" if Profile.from_key(keys[0]).phone else "email"
    wanted = msgspec.json.encode(list(keys)).decode()
    path = (
        f"profiles?filter={quote(f'any({field},{wanted})', safe='')}"
        f"&fields%5Bprofile%5D={_FIELDS}&page%5Bsize%5D=100"
    )
    found = read(client.get(path), _List).data
    known = {str(one.attributes.get(field) or "").lower(): one.attributes for one in found}
    return {key: _present(known[key.lower()]) for key in keys if key.lower() in known}


def variants_of(client: Klaviyo, item_id: str) -> list[str]:
    """The first hundred variants of an item of the catalog, by their ids in the shop.

    Raises PlatformError. Reads lag behind writes by up to a few minutes (Klaviyo), so variants
    that were just removed may still be among them.
    """
    wanted = quote(f'equals(item.id,"{catalog_id(item_id)}")', safe="")
    path = f"catalog-variants?filter={wanted}&page%5Bsize%5D=100"
    return [row.id.rpartition(":::")[2] for row in read(client.get(path), _Rows).data]


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    kept = {name: attributes.get(name) for name in WRITTEN}
    location = kept.get("location")
    if isinstance(location, dict):
        kept["location"] = {name: value for name, value in location.items() if value is not None}
    return {name: value for name, value in kept.items() if value not in (None, "", {})}
