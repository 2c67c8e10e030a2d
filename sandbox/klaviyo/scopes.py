"""What a login needs to have been granted for an endpoint."""

from sandbox.klaviyo.errors import Refusal

_AREAS = (
    "accounts", "campaigns", "catalogs", "coupons", "coupon-codes", "data-privacy", "events",
    "flows", "forms", "images", "lists", "metrics", "profiles", "push-tokens", "segments",
    "subscriptions", "tags", "templates", "tracking-settings", "webhooks",
)  # fmt: skip
KNOWN = {f"{area}:{verb}" for area in _AREAS for verb in ("read", "write")}

NEEDED: dict[str, tuple[str, ...]] = {
    "GET /api/accounts": ("accounts:read",),
    "POST /api/events": ("events:write",),
    "GET /api/events": ("events:read",),
    "POST /api/event-bulk-create-jobs": ("events:write",),
    "GET /api/metrics": ("metrics:read",),
    "GET /api/metrics/{id}": ("metrics:read",),
    "GET /api/metrics/{id}/flow-triggers": ("flows:read", "metrics:read"),
    "GET /api/mapped-metrics": ("metrics:read",),
    "POST /api/metric-aggregates": ("metrics:read",),
    "POST /api/profile-import": ("profiles:write",),
    "GET /api/profiles": ("profiles:read",),
    "GET /api/profiles/{id}": ("profiles:read",),
    "PATCH /api/profiles/{id}": ("profiles:write",),
    "POST /api/profile-bulk-import-jobs": ("lists:write", "profiles:write"),
    "GET /api/profile-bulk-import-jobs": ("lists:read", "profiles:read"),
    "GET /api/profile-bulk-import-jobs/{id}": ("lists:read", "profiles:read"),
    "GET /api/profile-bulk-import-jobs/{id}/import-errors": ("profiles:read",),
    "POST /api/data-privacy-deletion-jobs": ("data-privacy:write",),
}


def needed(endpoint: str) -> tuple[str, ...]:
    """Name the scopes an endpoint needs; those of the catalog differ by method alone."""
    if "/catalog-" in endpoint:
        return ("catalogs:read",) if endpoint.startswith("GET ") else ("catalogs:write",)
    return NEEDED[endpoint]


def check(endpoint: str, granted: frozenset[str] | None) -> None:
    """Refuse a login that may not do this; None may do everything."""
    if granted is None or granted.issuperset(needed(endpoint)):
        return
    raise Refusal(
        403,
        f"This login needs the scopes: {', '.join(needed(endpoint))}.",
        code="permission_denied",
        title="You do not have permission to perform this action.",
        pointer="/data/",
    )
