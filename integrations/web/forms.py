"""What the forms of the console share."""

from datetime import datetime
from typing import Any

from django import forms

from integrations.pipeline.second_step import WrongCode

from .templatetags.console import relative


class PlainForm(forms.Form):
    """A form without colons, and with a sentence for each field that was left empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"label_suffix": ""})
        for field in self.fields.values():
            field.error_messages["required"] = f"Enter {_lower(str(field.label))}."


class CodeForm(PlainForm):
    """The code of the second step."""

    code = forms.CharField(
        label="Your code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, from_app: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if from_app:
            self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def refuse(self, wrong: WrongCode, *, now: datetime) -> None:
        """Say why a code was not taken."""
        words = "This code does not fit. Codes change every 30 seconds, and each works once."
        if wrong.again_at:
            wait = relative(wrong.again_at, now)
            words = f"There were several wrong codes. The next one can be tried {wait}."
        self.add_error("code", words)


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]
