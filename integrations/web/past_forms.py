"""The form that asks what to fetch of the past."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms

from integrations.domain.fetches import LENGTHS, PRESETS, Preset, stretch_of
from integrations.domain.windows import BadRange
from integrations.models import Store, SyncJob
from integrations.pipeline.sync_jobs import Wish

from .forms import PlainForm
from .templatetags.console import zone_of

STREAMS = [("orders", "Orders"), ("customers", "Customers"), ("products", "Products")]
# At which field a refused wish is told.
FIELD_OF = {
    "no_start": "since",
    "no_end": "until",
    "end_before_start": "until",
    "future": "since",
    "too_early": "since",
    "no_stream": "streams",
    "missing_scope": "streams",
    "no_reason": "reason",
    "window": "length",
}


class PastForm(PlainForm):
    """How far back, of what, in which steps, and whether flows may start."""

    preset = forms.ChoiceField(
        label="How far back?",
        choices=[(one.value, label) for one, label in PRESETS.items()],
        widget=forms.RadioSelect,
    )
    since = forms.DateField(
        label="First day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    streams = forms.MultipleChoiceField(
        label="What should be fetched?",
        required=False,
        choices=STREAMS,
        widget=forms.CheckboxSelectMultiple,
    )
    length = forms.TypedChoiceField(
        label="How long one period is", coerce=int, choices=list(LENGTHS.items())
    )
    keep = forms.BooleanField(
        label="Keep what profiles hold now, so that it can be put back", required=False
    )
    loud = forms.BooleanField(label="Let flows start because of past data", required=False)
    reason = forms.CharField(
        label="Why flows should start",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)
    instead = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, store: Store, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.store = store
        self.fields["preset"].error_messages["required"] = "Choose how far back."

    @property
    def wants_dates(self) -> bool:
        """Whether the two days matter."""
        return bool(self["preset"].value() == Preset.DATES)

    @property
    def is_unusual(self) -> bool:
        """Whether the folded part holds a choice, so that it is shown open."""
        usual = str(self["length"].value()) == "90" and not self["keep"].value()
        return not usual or bool(self["length"].errors)

    def wish(self, *, now: datetime) -> Wish:
        """What was asked for. Raises BadRange."""
        asked = self.cleaned_data
        return Wish(
            streams=tuple(asked["streams"]),
            stretch=stretch_of(
                Preset(asked["preset"]),
                asked["since"],
                asked["until"],
                zone=zone_of(self.store.time_zone),
                now=now,
            ),
            window_days=asked["length"],
            silent=not asked["loud"],
            loud_reason=asked["reason"] if asked["loud"] else "",
        )

    def refuse(self, exc: BadRange) -> None:
        """Say at its field what cannot be done."""
        field = FIELD_OF.get(exc.code)
        # A range that was not typed in is told where it was chosen.
        if field in ("since", "until") and not self.wants_dates:
            field = "preset"
        self.add_error(field, str(exc))


def initial(job: SyncJob | None) -> dict[str, Any]:
    """What the form starts with: the usual, or a plan that is to be changed."""
    if job is None:
        return {"preset": Preset.YEAR, "streams": ["orders"], "length": 90, "key": uuid4()}
    zone = zone_of(job.store.time_zone)
    return {
        "preset": Preset.DATES,
        "since": job.since.astimezone(zone).date(),
        "until": job.until.astimezone(zone).date(),
        "streams": job.streams,
        "length": job.window_days,
        "keep": job.keep_before,
        "loud": not job.silent,
        "reason": job.loud_reason,
        "key": uuid4(),
        "instead": job.public_id,
    }
