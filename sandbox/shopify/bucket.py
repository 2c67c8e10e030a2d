"""The leaky bucket of query points that each app has per shop."""

import math
from typing import Any

# plan: points restored per second, points the bucket holds
PLANS = {
    "standard": (100.0, 2000.0),
    "advanced": (200.0, 4000.0),
    "plus": (1000.0, 20_000.0),
    "enterprise": (2000.0, 40_000.0),
}


class Bucket:
    """Points that are spent by queries and come back with time."""

    def __init__(self, plan: str, now: float) -> None:
        self.restore_rate, self.maximum = PLANS[plan]
        self._available, self._at = self.maximum, now
        self.throttled = 0

    def spend(self, points: int, now: float) -> bool:
        """Take the points a query asks for; without enough of them nothing is taken."""
        self._refill(now)
        if self._available < points:
            self.throttled += 1
            return False
        self._available -= points
        return True

    def refund(self, points: int, now: float) -> None:
        """Give back what a query asked for and did not use."""
        self._refill(now)
        self._available = min(self.maximum, self._available + points)

    def status(self, now: float) -> dict[str, Any]:
        """Describe the bucket as `extensions.cost.throttleStatus` does."""
        self._refill(now)
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": math.floor(self._available),
            "restoreRate": self.restore_rate,
        }

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self.restore_rate
        self._available = min(self.maximum, self._available + gained)
        self._at = now
