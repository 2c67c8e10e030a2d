"""Single values, checked: what a type alone does not promise."""

import re
from decimal import Decimal

from integrations.domain.failures import Unreadable

ID = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")
CURRENCY = re.compile(r"\A[A-Z]{3}\Z")
# Far above any price, far below what breaks arithmetic or a JSON reader.
LARGEST_AMOUNT = Decimal(10) ** 15
LARGEST_QUANTITY = 10**9


def identifier(value: int | str, field: str) -> str:
    """An id as text, exact above 2^53. Raises Unreadable."""
    found = str(value)
    if not ID.match(found):
        raise Unreadable("This is not an id.", field=f"$.{field}", rule="id")
    return found


def money(value: Decimal, field: str) -> Decimal:
    """A finite amount of a believable size. Raises Unreadable."""
    if not value.is_finite() or abs(value) > LARGEST_AMOUNT:
        raise Unreadable("This is not an amount of money.", field=f"$.{field}", rule="amount")
    # Shopify sends at most three decimals; more would only be noise in a fingerprint.
    return value if -value.as_tuple().exponent <= 6 else round(value, 6)  # type: ignore[operator]


def quantity(value: int, field: str) -> int:
    """A count of a believable size. Raises Unreadable."""
    if abs(value) > LARGEST_QUANTITY:
        raise Unreadable("This is not a quantity.", field=f"$.{field}.quantity", rule="quantity")
    return value


def currency(value: str, field: str) -> str:
    """An ISO 4217 code. Raises Unreadable."""
    code = value.upper()
    if not CURRENCY.match(code):
        raise Unreadable("This is not a currency code.", field=f"$.{field}", rule="currency")
    return code


def tags(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Tags from either shape: a comma-separated text or a list."""
    parts = value.split(",") if isinstance(value, str) else value or ()
    return tuple(part.strip() for part in parts if part.strip())
