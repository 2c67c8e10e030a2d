"""Klaviyo's fixed windows: one of a second and one of a minute, per account and endpoint."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.klaviyo.errors import throttled

STEADY = 60
NO_LIMIT = 1_000_000_000
# A 429 that reaches the caller this late or later was followed by a call that knew of it.
KNOWS_AFTER = 0.1
XS, S, M, L, XL = (1, 15), (3, 60), (10, 150), (75, 750), (350, 3500)
DEFAULT = L
TIERS: Mapping[str, tuple[int, int]] = {
    "GET /api/accounts": XS,
    "POST /api/metric-aggregates": S,
    "GET /api/mapped-metrics": S,
    "POST /api/data-privacy-deletion-jobs": S,
    "POST /api/event-bulk-create-jobs": M,
    "GET /api/events/{id}": M,
    "GET /api/metrics": M,
    "GET /api/metrics/{id}": M,
    "GET /api/metrics/{id}/flow-triggers": M,
    "POST /api/profile-merge": M,
    "POST /api/profile-bulk-import-jobs": M,
    "GET /api/profile-bulk-import-jobs": M,
    "GET /api/profile-bulk-import-jobs/{id}": M,
    "GET /api/profile-bulk-import-jobs/{id}/import-errors": M,
    "POST /api/events": XL,
    "GET /api/events": XL,
    "GET /api/catalog-items": XL,
    "GET /api/catalog-variants": XL,
    "GET /api/catalog-categories": XL,
    "GET /api/catalog-item-bulk-delete-jobs": XL,
    "GET /api/catalog-variant-bulk-delete-jobs": XL,
    "GET /api/catalog-item-bulk-delete-jobs/{id}": XL,
    "GET /api/catalog-variant-bulk-delete-jobs/{id}": XL,
}


@dataclass
class Windows:
    """What one account has used of one endpoint."""

    second: int = -1
    in_second: int = 0
    minute: int = -1
    in_minute: int = 0
    blocked_at: float = 0.0
    blocked_until: float = 0.0


@dataclass
class Rates:
    """Counts calls against the windows and remembers who ran into them."""

    enabled: bool = True
    tiers: dict[str, tuple[int, int]] = field(default_factory=lambda: dict(TIERS))
    refused: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    _windows: dict[tuple[str, str], Windows] = field(default_factory=dict)

    def take(self, account: str, endpoint: str, now: float) -> dict[str, str]:
        """Use one call of the budget and return the headers, or refuse with a 429."""
        if not self.enabled:
            return _headers(NO_LIMIT, NO_LIMIT - 1, 1)
        used = self._windows.setdefault((account, endpoint), Windows())
        self._turn(used, now)
        burst, steady = self.tiers.get(endpoint, DEFAULT)
        self._refuse_if_blocked(used, endpoint, now)
        if used.in_second >= burst or used.in_minute >= steady:
            raise self._block(used, endpoint, now, minute=used.in_minute >= steady)
        used.in_second += 1
        used.in_minute += 1
        return _headers(steady, steady - used.in_minute, math.ceil(STEADY - now % STEADY))

    def _turn(self, used: Windows, now: float) -> None:
        if used.second != int(now):
            used.second, used.in_second = int(now), 0
        if used.minute != int(now // STEADY):
            used.minute, used.in_minute = int(now // STEADY), 0

    def _refuse_if_blocked(self, used: Windows, endpoint: str, now: float) -> None:
        if now >= used.blocked_until:
            return
        self.refused[endpoint] += 1
        if now - used.blocked_at > KNOWS_AFTER:
            self.violations[endpoint] += 1
        raise throttled(max(1, math.ceil(used.blocked_until - now)))

    def _block(self, used: Windows, endpoint: str, now: float, *, minute: bool) -> Exception:
        wait = max(1, math.ceil(STEADY - now % STEADY)) if minute else 1
        used.blocked_at, used.blocked_until = now, now + wait
        self.refused[endpoint] += 1
        return throttled(wait)

    def clear(self) -> None:
        """Start counting anew."""
        self._windows.clear()
        self.refused.clear()
        self.violations.clear()


def _headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(reset),
    }
