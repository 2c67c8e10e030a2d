"""What people change of a failed record before it is sent again; the original never changes."""

from collections.abc import Iterable

from integrations.models import Repair


def current(letter_ids: Iterable[int]) -> dict[int, bytes]:
    """What is to be sent in place of the original, by dead letter; one taken back is left out."""
    last = (
        Repair.objects.filter(dead_letter_id__in=list(letter_ids))
        .order_by("dead_letter_id", "-number")
        .distinct("dead_letter_id")
        .values_list("dead_letter_id", "content")
    )
    return {letter_id: bytes(content) for letter_id, content in last if content}
