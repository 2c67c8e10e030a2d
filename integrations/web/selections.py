"""What somebody chose in the list of failed records: some of a page, or all that match a filter."""

from typing import NamedTuple

from django.http import QueryDict

from integrations.domain import parameters
from integrations.models import DeadLetter, User
from integrations.pipeline.decisions import Selection
from integrations.pipeline.failed_lists import FailedFilter

# More than a page holds is chosen by a filter.
MOST_CHOSEN = 200


class Chosen(NamedTuple):
    """A selection, and the fields that name it again in the next form."""

    selection: Selection
    fields: list[tuple[str, str]]
    words: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ticked."""
        return not isinstance(self.selection, FailedFilter) and not self.selection


def chosen(user: User, form: QueryDict) -> Chosen:
    """Read a selection from the list's form, or from an address; of others' records nothing."""
    if form.get("all"):
        wanted = FailedFilter.from_query({name: str(value) for name, value in form.items()})
        fields = [("all", "1"), *wanted.to_query().items()]
        return Chosen(wanted, fields, wanted.words())
    ids = [parameters.identifier(one) for one in form.getlist("ids")[:MOST_CHOSEN]]
    rows = DeadLetter.objects.visible_to(user).filter(public_id__in=[one for one in ids if one])
    found = list(rows.defer("payload", "answer").order_by("-pk"))
    fields = [("ids", str(one.public_id)) for one in found]
    return Chosen(found, fields, "The records you have chosen")
