"""Lines of a bulk export, kept between its download and its landing."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from django.db import connection, models

from .sync_jobs import SyncWindow


class Staged(NamedTuple):
    """A line as it is kept: where it began in the file, whose it is, and its bytes."""

    place: int
    owner: str
    is_root: bool
    body: bytes


_COPY = """
COPY integrations_bulkline (window_id, place, owner, is_root, body) FROM STDIN
"""


class BulkLineQuerySet(models.QuerySet["BulkLine"]):
    """The verbs of staged lines."""

    def roots(self) -> Self:
        """Lines that stand on their own, in the order of the file."""
        return self.filter(is_root=True).order_by("place")

    def copy(self, window_id: int, lines: Iterable[Staged]) -> None:
        """Keep many lines in one go."""
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for line in lines:
                copy.write_row((window_id, *line))

    def children(self, window_id: int, owners: Sequence[str]) -> dict[str, list[bytes]]:
        """The lines that belong to some roots, each root's in the order of the file."""
        found: dict[str, list[bytes]] = {}
        rows = self.filter(window=window_id, is_root=False, owner__in=owners).order_by("place")
        for owner, body in rows.values_list("owner", "body"):
            found.setdefault(owner, []).append(bytes(body))
        return found

    def orphans(self, window_id: int) -> bool:
        """Whether a line belongs to a root that is not there."""
        roots = self.filter(window=window_id, is_root=True, owner=models.OuterRef("owner"))
        lines = self.filter(window=window_id, is_root=False)
        return lines.filter(~models.Exists(roots)).exists()


class BulkLine(models.Model):
    """One line of a window's file. Children know their parent, which is another line's object."""

    window = models.ForeignKey(SyncWindow, models.CASCADE, related_name="bulk_lines")
    # The byte it begins at in the file: its order, and its name within the window.
    place = models.BigIntegerField()
    # The global id of the object at the root: its own, or the one it belongs to.
    owner = models.CharField(max_length=100)
    is_root = models.BooleanField()
    body = models.BinaryField()

    objects = BulkLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["window", "place"], name="bulk_line_once"),
        ]
        indexes = [
            models.Index(fields=["window", "owner"], name="bulk_line_by_owner"),
            models.Index(
                fields=["window", "place"],
                condition=models.Q(is_root=True),
                name="bulk_line_roots",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner} at {self.place}"
