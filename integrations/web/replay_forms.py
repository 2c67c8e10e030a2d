"""The forms of sending again: how it goes out, and the number typed before thousands of it."""

from typing import Any

from django import forms

from integrations.domain.replaying import FASTEST_RATE, SLOWEST_RATE
from integrations.models import Replay

from .forms import PlainForm

REASON = 500


class SettingsForm(PlainForm):
    """How fast, when it stops by itself, and whether flows may start."""

    rate = forms.IntegerField(
        label="Records a minute",
        required=False,
        min_value=SLOWEST_RATE,
        max_value=FASTEST_RATE,
        error_messages={
            "invalid": "Enter a whole number.",
            "min_value": f"Enter a number from {SLOWEST_RATE} to {FASTEST_RATE:,}.",
            "max_value": f"Enter a number from {SLOWEST_RATE} to {FASTEST_RATE:,}.",
        },
    )
    most_failures = forms.IntegerField(
        label="Stop by itself when so many per cent fail again",
        required=False,
        min_value=0,
        max_value=100,
        error_messages={
            "invalid": "Enter a whole number.",
            "min_value": "Enter a number from 0 to 100.",
            "max_value": "Enter a number from 0 to 100.",
        },
    )
    loud = forms.BooleanField(label="Let flows start because of these records", required=False)
    reason = forms.CharField(
        label="Why flows should start",
        required=False,
        max_length=REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, replay: Replay, tune: bool, **kwargs: Any) -> None:
        kept = {
            "rate": replay.rate,
            "most_failures": replay.most_failures,
            "loud": not replay.silent,
            "reason": replay.loud_reason,
        }
        super().__init__(*args, initial=kept, **kwargs)
        self.replay = replay
        if not tune:
            del self.fields["rate"], self.fields["most_failures"]

    def clean(self) -> dict[str, Any]:
        """Refuse flows without a reason."""
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        asked["reason"] = " ".join(asked.get("reason", "").replace("\x00", "").split())
        if asked.get("loud") and not asked["reason"] and not self.has_error("reason"):
            self.add_error("reason", "Say why flows should start. It is written down.")
        return asked

    def wanted(self) -> dict[str, Any]:
        """What is to hold from now on; what was not asked for stays."""
        asked = self.cleaned_data
        return {
            "rate": self._or_kept("rate", self.replay.rate),
            "most_failures": self._or_kept("most_failures", self.replay.most_failures),
            "silent": not asked["loud"],
            "loud_reason": asked["reason"] if asked["loud"] else "",
        }

    def _or_kept(self, name: str, kept: int) -> int:
        """What was entered; what stands where the field was left empty or not offered."""
        value = self.cleaned_data.get(name)
        return kept if value is None else value


def number_in(text: str) -> int | None:
    """The number somebody typed, as people write it: 12,500 or 12500; None where it is none."""
    plain = text.strip().replace(",", "").replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else None
