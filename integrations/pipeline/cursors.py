"""The place of a row in a list, as an address carries it: of one sorted by time, or by a number."""

from datetime import UTC, datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from integrations.domain import parameters

Row = TypeVar("Row", bound=Model)

_FORM = "%Y%m%d%H%M%S%f"


def write(moment: datetime, pk: int) -> str:
    """Write the place behind which the next page begins."""
    return f"{moment.astimezone(UTC):{_FORM}}-{pk}"


def read(cursor: str) -> tuple[datetime, int] | None:
    """Read a cursor back; None for one that is not ours, which starts the list again."""
    moment, _, pk = cursor.partition("-")
    try:
        return datetime.strptime(moment, _FORM).replace(tzinfo=UTC), int(pk)
    except ValueError:
        return None


def page(rows: QuerySet[Row], order: str, *, after: str, size: int) -> tuple[list[Row], str]:
    """One page of rows sorted by a number of theirs, such as `-pk`, and where the next begins.

    A cursor that is not ours starts the list again; the next one is empty on the last page.
    """
    name = order.removeprefix("-")
    place = parameters.key(after)
    if place is not None:
        rows = rows.filter(**{f"{name}__{'lt' if order != name else 'gt'}": place})
    found = list(rows.order_by(order)[: size + 1])
    behind = str(getattr(found[size - 1], name)) if len(found) > size else ""
    return found[:size], behind
