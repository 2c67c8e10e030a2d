"""What a catalog object must look like before its job is accepted."""

from dataclasses import dataclass
from typing import Any

PREFIX = "$custom:::$default:::"
METADATA_LIMIT = 100_000
_COMMON = {"integration_type", "catalog_type", "custom_metadata", "published"}
_IMAGES = {"image_full_url", "image_thumbnail_url", "images"}


@dataclass(frozen=True)
class Kind:
    """Items, variants or categories."""

    name: str
    plural: str
    required: tuple[str, ...]
    optional: frozenset[str]

    @property
    def type(self) -> str:
        """The JSON:API type."""
        return f"catalog-{self.name}"

    @property
    def path(self) -> str:
        """The path of the collection."""
        return f"catalog-{self.plural}"

    @property
    def shelf(self) -> str:
        """Find where objects of a kind are kept."""
        return self.plural

    @property
    def label(self) -> str:
        """The name for people."""
        return f"catalog {self.name}"


KINDS = {
    "item": Kind(
        "item",
        "items",
        ("external_id", "title", "description", "url"),
        frozenset({"price", *_IMAGES, *_COMMON}),
    ),
    "variant": Kind(
        "variant",
        "variants",
        ("external_id", "title", "description", "sku", "inventory_quantity", "price", "url"),
        frozenset({"inventory_policy", *_IMAGES, *_COMMON}),
    ),
    "category": Kind(
        "category",
        "categories",
        ("external_id", "name"),
        frozenset({"integration_type", "catalog_type"}),
    ),
}
_NUMBERS = ("price", "inventory_quantity")


def compound(external_id: str) -> str:
    """Make the id the API knows an object by."""
    return PREFIX + external_id


def fault(written: Any, kind: Kind, action: str) -> tuple[str, str] | None:
    """Say where and why an object is malformed, or None."""
    if not isinstance(written, dict) or written.get("type") != kind.type:
        return "/type", f"The type must be {kind.type}."
    if action != "create" and not str(written.get("id", "")).startswith(PREFIX):
        return "/id", f"The id must begin with {PREFIX}."
    if action == "delete":
        return None
    return _attribute_fault(written.get("attributes"), kind, action) or _relation_fault(
        written, kind, action
    )


def _attribute_fault(attributes: Any, kind: Kind, action: str) -> tuple[str, str] | None:
    if not isinstance(attributes, dict):
        return "/attributes", "attributes are required."
    if action == "create" and (missing := [n for n in kind.required if attributes.get(n) is None]):
        return f"/attributes/{missing[0]}", f"{missing[0]} is required."
    known = {*kind.required, *kind.optional}
    for name, value in attributes.items():
        if name not in known or (action == "update" and name in _FIXED):
            return f"/attributes/{name}", f"'{name}' is not a valid field here."
        if complaint := _value_fault(name, value):
            return f"/attributes/{name}", complaint
    return None


_FIXED = ("external_id", "integration_type", "catalog_type")


def _value_fault(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name in _NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number else f"{name} must be a number."
    match name:
        case "inventory_policy":
            return None if value in (0, 1, 2) else "inventory_policy must be 0, 1 or 2."
        case "published":
            return None if isinstance(value, bool) else "published must be a boolean."
        case "images":
            return None if isinstance(value, list) else "images must be a list."
        case "custom_metadata":
            return _metadata_fault(value)
        case "integration_type":
            return None if value == "$custom" else "integration_type must be $custom."
        case "catalog_type":
            return None if value == "$default" else "catalog_type must be $default."
    return None if isinstance(value, str) else f"{name} must be a string."


def _metadata_fault(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "custom_metadata must be an object."
    if any(isinstance(inner, dict) for inner in value.values()):
        return "custom_metadata must be flat."
    return "custom_metadata is too large." if len(str(value)) > METADATA_LIMIT else None


def _relation_fault(written: dict[str, Any], kind: Kind, action: str) -> tuple[str, str] | None:
    relations = written.get("relationships") or {}
    if kind.name == "variant" and action == "create" and not relations.get("item", {}).get("data"):
        return "/relationships/item", "An item is required."
    return None
