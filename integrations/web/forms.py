"""What the forms of the console share."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from integrations.domain.permissions import Role
from integrations.models import User
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


ROLES = [
    (Role.MEMBER, "Member: sees everything, reconnects logins, sends tests"),
    (Role.OWNER, "Owner: also connects and disconnects shops, and decides who is in the team"),
]


class RoleForm(PlainForm):
    """What somebody may do."""

    role = forms.ChoiceField(label="Role", choices=ROLES)


class InviteForm(RoleForm):
    """Whom to ask in."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    field_order = ["email", "role"]


class WelcomeForm(PlainForm):
    """What a new person says about themselves."""

    name = forms.CharField(
        label="Your name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="A password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 signs, and not one that is used elsewhere.",
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        """Refuse passwords that are guessed first."""
        password: str = self.cleaned_data["password"]
        validate_password(
            password, User(email=self.email, first_name=self.cleaned_data.get("name", ""))
        )
        return password


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]
