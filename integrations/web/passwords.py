"""Choosing a new password: from an e-mail when it is lost, or while signed in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import forms
from django.contrib.auth import views as django_views
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils import timezone

from integrations.models import User
from integrations.pipeline import passwords


class ForgottenForm(forms.PasswordResetForm):
    """An e-mail address; whether somebody has it is told to nobody."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"label_suffix": ""})
        self.fields["email"].label = "E-mail address"
        self.fields["email"].error_messages["required"] = "Enter your e-mail address."

    def save(self, *_: Any, **__: Any) -> None:
        """Ask for the e-mail; a worker sends it, so that every address is answered alike."""
        for user in self.get_users(self.cleaned_data["email"]):
            passwords.ask(user, now=timezone.now())


class Plain:
    """Labels without colons."""

    def get_form_kwargs(self) -> dict[str, Any]:
        """What every form of these pages is made with."""
        made: dict[str, Any] = super().get_form_kwargs()  # type: ignore[misc]
        return made | {"label_suffix": ""}


class Forgotten(django_views.PasswordResetView):
    """Ask for the address, and send a link to it if it is one we know."""

    form_class = ForgottenForm
    template_name = "password_forgotten.html"
    success_url = reverse_lazy("password-sent")


class Sent(django_views.PasswordResetDoneView):
    """The same answer for every address."""

    template_name = "password_sent.html"


class New(Plain, django_views.PasswordResetConfirmView):
    """Choose the new password, with a link that works once and for an hour."""

    template_name = "password_new.html"
    success_url = reverse_lazy("sign-in")
    user: Any

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep it, and open the login if it was locked."""
        response = super().form_valid(form)
        passwords.reset(self.user, now=timezone.now())
        messages.success(self.request, "Your new password is kept. Sign in with it.")
        return response


class Change(Plain, django_views.PasswordChangeView):
    """Change it while signed in; every other session ends."""

    template_name = "password_change.html"
    success_url = reverse_lazy("you")

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep it, and say what it means."""
        response = super().form_valid(form)
        user = self.request.user
        if isinstance(user, User):
            passwords.changed(user, now=timezone.now())
        messages.success(
            self.request, "Your password is changed. Everywhere else you are signed out."
        )
        return response
