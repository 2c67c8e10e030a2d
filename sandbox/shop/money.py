"""Amounts as Shopify writes them: strings, in the shop's money and in the buyer's."""

from dataclasses import dataclass
from typing import Any

from sandbox.shop.words import WHOLE


def money(cents: int, currency: str = "") -> str:
    """Write an amount; some currencies have no smaller unit."""
    if currency in WHOLE:
        return str(round(cents / 100))
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def cents(text: str) -> int:
    """Read an amount of a currency with cents."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2]) * (-1 if text.startswith("-") else 1)


@dataclass(frozen=True)
class Purse:
    """What one order is paid in: the shop's currency and the one the buyer sees."""

    shop: str
    presentment: str
    rate: float

    def bag(self, amount: int) -> dict[str, Any]:
        """Write an amount in both currencies."""
        seen = money(round(amount * self.rate), self.presentment)
        return {
            "shop_money": {"amount": money(amount, self.shop), "currency_code": self.shop},
            "presentment_money": {"amount": seen, "currency_code": self.presentment},
        }

    def both(self, name: str, amount: int) -> dict[str, Any]:
        """Write the flat amount and its bag under one name."""
        return {name: money(amount, self.shop), f"{name}_set": self.bag(amount)}
