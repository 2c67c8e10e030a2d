"""What the page about taking back shows of its list: read-only."""

from integrations.models import Undo, UndoItem

from .browsing import Page

SHOWN = 50


def items(undo: Undo, *, after: str) -> Page[UndoItem]:
    """The things on a list, in the order in which they are taken back."""
    rows = UndoItem.objects.filter(undo=undo)
    count = rows.count()
    if after.isascii() and after.isdigit() and len(after) < 19:
        rows = rows.filter(pk__gt=int(after))
    found = list(rows.order_by("id")[: SHOWN + 1])
    last = found[SHOWN - 1] if len(found) > SHOWN else None
    return Page(found[:SHOWN], str(last.pk) if last else "", count)
