"""The forms about a reason: until when it is parked, what it is merged into, what is split off."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from integrations.domain.causes import Parking
from integrations.models import Cause, Store
from integrations.pipeline import cause_pages

from .forms import PlainForm

LARGEST = 10_000_000


class ParkForm(PlainForm):
    """Until when a reason is folded away: the first of three."""

    until = forms.DateField(
        label="Until a day (UTC)",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    count = forms.IntegerField(
        label="Until so many records wait", required=False, min_value=1, max_value=LARGEST
    )
    growth = forms.IntegerField(
        label="Until so many per cent more wait than now",
        required=False,
        min_value=1,
        max_value=100_000,
    )
    reason = forms.CharField(
        label="Why? Whoever reads the history sees it.",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def parking(self) -> Parking:
        """What was asked for."""
        day, wanted = self.cleaned_data["until"], self.cleaned_data
        until = datetime.combine(day, time(), UTC) if day else None
        return Parking(until=until, count=wanted["count"], growth=wanted["growth"])


class MergeForm(PlainForm):
    """Which other reason it is shown as one with."""

    into = forms.TypedChoiceField(label="Show it as one with", coerce=int)

    def __init__(self, *args: Any, cause: Cause, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = {one.pk: one for one in cause_pages.others(cause)}
        self.fields["into"].choices = [("", "Choose a reason")] + [  # type: ignore[attr-defined]
            (pk, f"No. {pk}: {one.words.sentence} ({one})") for pk, one in self.others.items()
        ]

    @property
    def chosen(self) -> Cause:
        """The reason that was chosen."""
        return self.others[self.cleaned_data["into"]]


class SplitForm(PlainForm):
    """What is split off: the records of a shop, those whose message has a text, or both."""

    store = forms.TypedChoiceField(label="The records of a shop", required=False, coerce=int)
    text = forms.CharField(
        label="Records whose message contains",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, cause: Cause, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Store.objects.filter(merchant=cause.merchant_id).order_by("name", "pk")[:200]
        self.stores = {one.pk: one for one in found}
        self.fields["store"].choices = [("", "Of all shops")] + [  # type: ignore[attr-defined]
            (pk, one.name) for pk, one in self.stores.items()
        ]

    @property
    def chosen(self) -> Store | None:
        """The shop that was chosen, if any."""
        return self.stores.get(self.cleaned_data["store"] or 0)
