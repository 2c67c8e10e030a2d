"""The file of an export: taken in pieces, kept line by line, and judged before it is believed."""

import time
from collections.abc import Iterator
from itertools import chain

from django.db import transaction

from integrations.domain import bulk as domain
from integrations.domain.failures import Failure, FailureKind, PlatformError
from integrations.models import BulkLine
from integrations.models.bulk_lines import Staged
from integrations.models.sync_jobs import WINDOW_LEASE
from integrations.platforms.downloads import File, Link, opened
from integrations.platforms.shopify.bulk_lines import read_line

from .bulk_progress import Progress, Step
from .turns import Turn

# Kept in one go: enough lines to be quick, few enough to hold in memory and to lose in a crash.
LINES, BYTES, SECONDS = 2000, 4 * 1024 * 1024, 5.0


class LinkRefused(Exception):
    """Storage would not give the file out: the link is no longer good."""


class _CutShort(Exception):
    """The file ended before it was whole."""


def fetch(turn: Turn, progress: Progress, link: Link) -> bool:
    """Fetch on from the byte that is staged; False when the window was given back.

    Raises LinkRefused, PlatformError, LostWindow.
    """
    try:
        with opened(link, offset=progress.offset, mark=progress.mark) as file:
            _check(file)
            progress, pieces = _line_up(turn, progress, file)
            if not _stage(turn, progress, pieces):
                return False
        _judge(turn)
    except _CutShort:
        _forget(turn, Progress.of(turn.window))
        return True
    turn.note(bulk=Progress.of(turn.window).but(step=Step.LANDING), cursor="")
    return True


def _check(file: File) -> None:
    if file.status not in {200, 206}:
        raise LinkRefused
    if "html" in file.media_type:
        raise PlatformError(
            Failure(FailureKind.UNEXPECTED, "A page came instead of the export.", "bulk_not_lines")
        )


def _line_up(turn: Turn, progress: Progress, file: File) -> tuple[Progress, Iterator[bytes]]:
    """Make what comes begin where the staged lines end."""
    if file.starts_at == progress.offset:
        staged, pieces = progress.offset, file.pieces
    elif file.mark and file.mark == progress.mark:
        # No parts are given out here: what is staged already comes once more.
        staged, pieces = progress.offset, _without(file.pieces, progress.offset)
    else:
        staged, pieces = 0, file.pieces
        BulkLine.objects.filter(window=turn.claim.pk).delete()
    turn.note(bulk=progress.but(offset=staged, mark=file.mark))
    return Progress.of(turn.window), pieces


def _without(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    for piece in pieces:
        if count < len(piece):
            return chain([piece[count:]], pieces)
        count -= len(piece)
    raise _CutShort


def _stage(turn: Turn, progress: Progress, pieces: Iterator[bytes]) -> bool:
    offset, rest = progress.offset, b""
    batch: list[Staged] = []
    size, began = 0, time.monotonic()
    for piece in pieces:
        # By the byte, since line readers that decode also break at U+2028.
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                batch.append(_staged(offset, line))
            offset += len(line) + 1
            size += len(line)
        if len(batch) >= LINES or size >= BYTES or time.monotonic() - began > SECONDS:
            _keep(turn, batch, offset)
            batch, size, began = [], 0, time.monotonic()
            if not turn.goes_on():
                return False
    if rest.strip():
        batch.append(_last(offset, rest))
        offset += len(rest)
    _keep(turn, batch, offset)
    return True


def _staged(offset: int, line: bytes) -> Staged:
    found = read_line(line)
    return Staged(offset, found.owner, found.is_root, found.body)


def _last(offset: int, line: bytes) -> Staged:
    """The last line need not end with a line break; half a line is no line."""
    try:
        return _staged(offset, line)
    except PlatformError:
        raise _CutShort from None


def _keep(turn: Turn, batch: list[Staged], offset: int) -> None:
    now = turn.clock()
    with transaction.atomic():
        turn.note(
            bulk=Progress.of(turn.window).but(offset=offset),
            lease_until=now + WINDOW_LEASE,
            last_progress_at=now,
        )
        BulkLine.objects.copy(turn.claim.pk, batch)


def _judge(turn: Turn) -> None:
    """Compare what came with what the shop says it wrote."""
    progress = Progress.of(turn.window)
    lines = BulkLine.objects.filter(window=turn.claim.pk)
    whole = progress.size is None or progress.offset == progress.size
    if not whole or lines.filter(is_root=True).count() != progress.roots:
        raise _CutShort
    if BulkLine.objects.orphans(turn.claim.pk):
        raise _CutShort


def _forget(turn: Turn, progress: Progress) -> None:
    """Fetch all of it once more; a file that is cut short again is given up by name."""
    BulkLine.objects.filter(window=turn.claim.pk).delete()
    turn.note(bulk=progress.but(offset=0, mark="", downloads=progress.downloads + 1))
    if progress.downloads + 1 >= domain.MOST_DOWNLOADS:
        raise PlatformError(
            Failure(
                FailureKind.REJECTED,
                "The file of the shop's export ended early, twice. Nothing of it was used.",
                "bulk_cut_short",
            )
        )
