"""Erasing what failed records hold: payloads, answers, tries, repairs and the messages themselves.

What stays is that they were there, why they failed, when, and every count.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from integrations.models import Attempt, DeadLetter, DeadLetterTry, Event, Repair

GONE = "Its content was erased on request."
# Addresses and telephone numbers inside a sentence that otherwise says what was wrong.
_BLANKED = """
regexp_replace(regexp_replace({}, '[^[:space:]"<>@,;:]+@[^[:space:]"<>@,;:]+', '(erased)', 'g'),
  '\\+[0-9][0-9 ().-]{{5,}}[0-9]', '(erased)', 'g')
"""
_LETTERS = f"""
UPDATE integrations_deadletter
SET payload = '', answer = '', erased_at = %s, message = {_BLANKED.format("message")}
WHERE id = ANY(%s) AND erased_at IS NULL
"""
_TRIES = f"""
UPDATE integrations_deadlettertry SET answer = '', message = {_BLANKED.format("message")}
WHERE dead_letter_id = ANY(%s)
"""
# A message keeps its body as long as another of its records has its content.
_BODIES = """
UPDATE integrations_event event SET body = ''
WHERE id = ANY(ARRAY(SELECT event_id FROM integrations_deadletter WHERE id = ANY(%s)))
  AND body <> '' AND state <> 'waiting' AND NOT EXISTS (
    SELECT 1 FROM integrations_deadletter other
    WHERE other.event_id = event.id AND other.erased_at IS NULL)
"""


def erase(letters: Sequence[int], *, now: datetime) -> int:
    """Erase the content of failed records, in one transaction; returns how many had any."""
    keys = sorted(letters)
    with transaction.atomic(), connection.cursor() as cursor:
        # Messages before records: the order in which batches settle.
        wanted = DeadLetter.objects.filter(pk__in=keys).values("event")
        rows = Event.objects.filter(pk__in=wanted).order_by("pk").select_for_update()
        list(rows.values_list("pk"))
        cursor.execute(_LETTERS, [now, keys])
        erased = cursor.rowcount
        cursor.execute(_TRIES, [keys])
        Repair.objects.filter(dead_letter__in=keys).update(content=b"")
        cursor.execute(_BODIES, [keys])
    return int(erased)


def erase_words(letters: Sequence[int], events: Sequence[int]) -> None:
    """Erase also the sentences about them, which may name a person in words we do not know."""
    DeadLetter.objects.filter(pk__in=letters).update(message=GONE)
    DeadLetterTry.objects.filter(dead_letter__in=letters).update(message=GONE)
    Attempt.objects.filter(event__in=events).update(message=GONE)
    Event.objects.filter(pk__in=events).exclude(last_error="").update(last_error=GONE)
