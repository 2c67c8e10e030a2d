"""Failed records another integration left: the file somebody handed in, until it is imported."""

import uuid
from collections.abc import Iterator

from django.db import models

from .people import User
from .stores import Store


class FailedImport(models.Model):
    """One file of failed records for one store, what was found in it, and what became of it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="failed_imports")
    # Where the records come from, as whoever imports them says it.
    source = models.CharField(max_length=80)
    name = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(default=0)
    # What a dry run said, or what the import did: see `pipeline/failed_import.py`.
    findings = models.JSONField(default=dict, blank=True)
    taken = models.IntegerField(default=0)
    known = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["asked_at"], name="failed_import_by_age")]

    def __str__(self) -> str:
        return f"{self.name or 'A file'} of {self.source} for {self.store}"

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, a part in memory at a time."""
        place = -1
        while part := self.parts.filter(place__gt=place).order_by("place").first():
            yield bytes(part.body)
            place = part.place


class FailedImportPart(models.Model):
    """A stretch of a file that was handed in; personal data, and dropped with the import."""

    failed_import = models.ForeignKey(
        FailedImport, models.CASCADE, related_name="parts", db_index=False
    )
    place = models.IntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["failed_import", "place"], name="failed_import_part_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.failed_import_id} · {self.place}"
