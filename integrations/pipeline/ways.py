"""Choosing the way a window is read, and changing it where a way comes to nothing."""

from integrations.domain import bulk
from integrations.domain.windows import Way
from integrations.models import BulkLine, ShopBudget

from . import points
from .turns import Turn, give_back


def choose(turn: Turn) -> None:
    """Choose by what is in the window and what this shop allows. Raises LostWindow."""
    store = turn.window.job.store_id
    rate = ShopBudget.objects.filter(store=store).values_list("restore_rate", flat=True).first()
    choice = bulk.choose(
        turn.window.stream, expected=turn.window.expected, restore_rate=rate or points.RESTORE_RATE
    )
    turn.note(way=choice.way, way_reason=choice.reason)


def to_pages(turn: Turn, reason: str) -> None:
    """Read the pages from the start instead of an export. Raises LostWindow."""
    turn.note(way=Way.PAGES, way_reason=reason[:300], bulk={}, cursor="")
    BulkLine.objects.filter(window=turn.claim.pk).delete()
    give_back(turn.claim, until=turn.clock())
