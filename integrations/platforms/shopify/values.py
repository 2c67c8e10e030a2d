"""Single values, checked: what a type alone does not promise."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from integrations.domain.failures import Unreadable

# Two ids and the names around them must fit into an identity of 160 characters.
ID = re.compile(r"\A[A-Za-z0-9_-]{1,48}\Z")
CURRENCY = re.compile(r"\A[A-Z]{3}\Z")
# Far above any price, far below what breaks arithmetic or a JSON reader.
LARGEST_AMOUNT = Decimal(10) ** 15
CENT = Decimal("0.01")
LARGEST_QUANTITY = 10**9
# A time outside of these is a mistake, and neither Python nor the database can compute with it.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def identifier(value: int | str, field: str) -> str:
    """An id as text, exact above 2^53. Raises Unreadable."""
    found = str(value)
    if not ID.match(found):
        raise Unreadable("This is not an id.", field=f"$.{field}", rule="id")
    return found


def money(value: Decimal, field: str) -> Decimal:
    """A finite amount of a believable size. Raises Unreadable."""
    if not (value.is_finite() and -LARGEST_AMOUNT <= value <= LARGEST_AMOUNT):
        raise Unreadable("This is not an amount of money.", field=f"$.{field}", rule="amount")
    # One way to write an amount: webhooks say 10.00 where GraphQL says 10.0. Shopify sends at most
    # three decimals; more than six would only be noise in a fingerprint.
    cents = value.quantize(CENT) + 0
    return cents if cents == value else _exact(value)


def _exact(value: Decimal) -> Decimal:
    exact = round(value, 6).normalize() + 0
    cents = exact.quantize(CENT)
    return cents if cents == exact else exact


def quantity(value: int, field: str) -> int:
    """A count of a believable size. Raises Unreadable."""
    if abs(value) > LARGEST_QUANTITY:
        raise Unreadable("This is not a quantity.", field=f"$.{field}.quantity", rule="quantity")
    return value


def moment(value: datetime, field: str) -> datetime:
    """A time of a believable year, in UTC. Raises Unreadable."""
    if not EARLIEST <= value < LATEST:
        raise Unreadable("This is not a believable date.", field=f"$.{field}", rule="date")
    return value.astimezone(UTC)


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
