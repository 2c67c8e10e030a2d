"""Landing what an export brought: roots in the order of the file, with their children, in pages."""

from itertools import islice

from integrations.domain.windows import JobKind, Stretch, WindowState
from integrations.models import BulkLine, SyncWindow
from integrations.platforms.shopify import bulk_lines
from integrations.platforms.shopify.bulk_lines import Node
from integrations.platforms.shopify.orders import AT_ONCE
from integrations.platforms.shopify.pages import Row, is_within

from . import landing, missing
from .bulk_asking import ask
from .turns import GivenBack, Turn

ROOTS = 250


def land_some(turn: Turn) -> int | None:
    """Land the next page of what is staged; None when the window was given back.

    The cursor is the byte in the file at which the last landed root begins. Raises PlatformError,
    LostWindow.
    """
    window = turn.window
    if not turn.may_land():
        return None
    staged, nodes = _next(window)
    inside = _inside(window, nodes)
    wanted = _wanted(window, inside)
    known = {node.row.source_id for node in inside} - wanted
    taken = _as_many_as_one_call_completes(nodes, wanted)
    rows = [node.row for node in nodes[:taken] if node.row.source_id in wanted]
    left_out = sum(node.row.source_id in known for node in nodes[:taken])
    lacking = [
        node.row.source_id for node in nodes[:taken] if node.lacks and node.row.source_id in wanted
    ]
    if lacking:
        if not turn.take_points(bulk_lines.DETAIL_POINTS):
            return None
        try:
            rows = _completed(turn, rows, lacking)
        except GivenBack:
            return None
    is_last = taken == len(nodes) < ROOTS
    cursor = str(staged[taken - 1]) if taken else window.cursor
    found = landing.land(
        turn.claim,
        window,
        rows,
        cursor=cursor,
        is_last=is_last,
        left_out=left_out,
        now=turn.clock(),
    )
    window.cursor = cursor
    if is_last:
        window.state = WindowState.SENDING
        BulkLine.objects.filter(window=window.pk).delete()
    return found


def _next(window: SyncWindow) -> tuple[list[int], list[Node]]:
    """The roots behind the cursor, with their children: where each begins, and what it is."""
    behind = int(window.cursor or -1)
    roots = BulkLine.objects.roots().filter(window=window.pk, place__gt=behind)
    staged = list(roots.values_list("place", "owner", "body")[:ROOTS])
    children = BulkLine.objects.children(window.pk, [owner for _, owner, _ in staged])
    nodes = [
        bulk_lines.assembled(window.stream, bytes(body), children.get(owner, ()))
        for _, owner, body in staged
    ]
    return [place for place, _, _ in staged], nodes


def _inside(window: SyncWindow, nodes: list[Node]) -> list[Node]:
    """Nodes of the stretch; a search by whole days finds more."""
    stretch = Stretch(window.since, window.until)
    changed = window.job.kind == JobKind.CATCH_UP
    return [one for one in nodes if is_within(window.stream, one.row, stretch, changed=changed)]


def _wanted(window: SyncWindow, nodes: list[Node]) -> set[str]:
    """Which of the nodes are to be landed: all, or those that the ledger does not have."""
    rows = [node.row for node in nodes]
    # A second look lands everything, so that each record is counted once.
    if window.job.only_missing and window.looks == 1:
        rows = missing.only(window, rows)
    return {row.source_id for row in rows}


def _as_many_as_one_call_completes(nodes: list[Node], wanted: set[str]) -> int:
    """How many nodes from the first on need no more than one call for their details."""
    lacking = (n for n, node in enumerate(nodes) if node.lacks and node.row.source_id in wanted)
    return next(islice(lacking, AT_ONCE, None), len(nodes))


def _completed(turn: Turn, rows: list[Row], lacking: list[str]) -> list[Row]:
    """Put in place what was fetched by id; what is gone from the shop meanwhile is left out."""
    fetched = ask(turn, lambda client: bulk_lines.fetch_whole(client, lacking, pay=turn.pay))
    gone = set(lacking) - fetched.keys()
    return [
        bulk_lines.completed(row, fetched[row.source_id]) if row.source_id in fetched else row
        for row in rows
        if row.source_id not in gone
    ]
