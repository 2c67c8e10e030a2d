"""Signing in and out, and how a reader wants times to be written."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

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


class SignOut(LogoutView):
    """Ends the session; only by POST."""

    http_method_names = ["post", "options"]


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
