"""Signing in and out, and how a reader wants times to be written."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from integrations.models import User
from integrations.pipeline import sessions

from . import second_step
from .context import EXACT, TIMES_COOKIE

A_YEAR = 365 * 24 * 3600


class SignInForm(AuthenticationForm):
    """An e-mail address and a password."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not go together. Try again.",
        "inactive": "This login has been closed. Ask your support contact.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"label_suffix": ""})
        for name, label in (("username", "E-mail address"), ("password", "Password")):
            field = self.fields[name]
            field.label = label
            field.error_messages["required"] = f"Enter your {label.lower()}."
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "inputmode": "email"}
        if self.is_bound and self.errors:
            for name in ("username", "password"):
                self.fields[name].widget.attrs |= {
                    "aria-invalid": "true",
                    "aria-describedby": "sign-in-error",
                }


class SignIn(LoginView):
    """The one sign-in page, for merchants and staff."""

    authentication_form = SignInForm
    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let them in, as far as the second step."""
        enter(self.request, form.get_user())
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Write down what was tried, unless the form was not even filled in."""
        address = form.cleaned_data.get("username", "")
        failures = getattr(self.request, "axes_failures_since_start", None)
        # Without a count the way was closed already, and the password was not looked at.
        if failures is not None:
            closed = getattr(self.request, "axes_locked_out", False)
            note = sessions.locked if closed else sessions.refused
            note(address, now=timezone.now())
        return super().form_invalid(form)


class SignOut(LogoutView):
    """Ends the session; only by POST."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write it down while it is known who it is."""
        if isinstance(request.user, User):
            sessions.signed_out(request.user, now=timezone.now())
        return super().post(request, *args, **kwargs)


def enter(request: HttpRequest, user: User) -> None:
    """Begin a session for somebody who has shown who they are, as far as the second step."""
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    second_step.remember(request, user)
    sessions.signed_in(user, now=timezone.now())


@require_POST
def times(request: HttpRequest) -> HttpResponse:
    """Remember whether times are to be written out in full, and go back."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = resolve_url("home")
    response = HttpResponseRedirect(back)
    wish = EXACT if request.POST.get("times") == EXACT else "relative"
    response.set_cookie(
        TIMES_COOKIE,
        wish,
        max_age=A_YEAR,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response
