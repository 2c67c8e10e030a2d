"""What people have changed of a failed record before it is sent again."""

from django.db import models

from .dead_letters import DeadLetter
from .people import User


class Repair(models.Model):
    """One change of what would be sent. The original is never changed; the last one counts.

    `content` is JSON: what would be sent, as an object with `profile` beside the attributes; or,
    where the message could not be read, the message itself. Empty: the repair was taken back.
    """

    dead_letter = models.ForeignKey(
        DeadLetter, models.CASCADE, related_name="repairs", db_index=False
    )
    number = models.IntegerField()
    content = models.BinaryField(blank=True)
    # The name of the rule, where a whole group was repaired at once.
    recipe = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dead_letter", "number"], name="repair_numbered"),
        ]

    def __str__(self) -> str:
        return f"{self.dead_letter_id} · {self.number}"
