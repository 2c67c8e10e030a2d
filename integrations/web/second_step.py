"""The second step of signing in: asking for the code, setting the app up, switching it off."""

from base64 import b32encode
from io import BytesIO
from typing import Any

import django_otp
import segno
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from integrations.models import User
from integrations.pipeline import second_step

from .access import Signed, answer, asking, signed_in
from .forms import CodeForm

# Set at sign-in for people who chose a second step; staff need one always.
CHOSEN = "second_step"


def is_missing(request: HttpRequest) -> bool:
    """Whether somebody has given a password, and must still give a code."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or user.is_verified():
        return False
    return bool(user.is_staff or request.session.get(CHOSEN))


def remember(request: HttpRequest, user: User) -> None:
    """Note at sign-in whether this person wants to be asked for a code."""
    if second_step.app_of(user):
        request.session[CHOSEN] = True


@asking
def ask(request: Signed) -> HttpResponse:
    """Ask for a code; staff who have no app yet set one up first."""
    back = _back(request)
    if not is_missing(request):
        return redirect(back)
    if second_step.app_of(request.user) is None:
        return redirect_to_login(back, resolve_url("second-step-set-up"))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            app = second_step.verify(request.user, form.cleaned_data["code"], now=timezone.now())
        except second_step.WrongCode as wrong:
            form.refuse(wrong, now=timezone.now())
        else:
            _let_in(request, app)
            return redirect(back)
    return answer(request, "second_step.html", {"form": form, "next": back})


@asking
def set_up(request: Signed) -> HttpResponse:
    """Show the secret for the app, and take it into use once a code from it fits."""
    if is_missing(request) and second_step.app_of(request.user):
        # Whoever has only the password must not replace the app that guards against just that.
        return redirect("second-step")
    form = CodeForm(request.POST or None, from_app=True)
    if form.is_valid():
        now = timezone.now()
        try:
            code, here = form.cleaned_data["code"], request.session.session_key or ""
            app, codes = second_step.confirm(request.user, code, session=here, now=now)
        except second_step.WrongCode as wrong:
            form.refuse(wrong, now=now)
        else:
            _let_in(request, app)
            return answer(
                request, "second_step_codes.html", {"codes": codes, "next": _back(request)}
            )
    context = {
        "form": form,
        "secret": secret_of(second_step.begin(request.user)),
        "must": request.user.is_staff,
        "has_one": second_step.app_of(request.user) is not None,
        "next": _back(request),
    }
    return answer(request, "second_step_set_up.html", context)


@signed_in
def picture(request: Signed) -> HttpResponse:
    """The square code for the app that is being set up; from our own host, as the policy asks."""
    if is_missing(request) and second_step.app_of(request.user):
        raise Http404
    drawn = BytesIO()
    address = second_step.begin(request.user).config_url
    segno.make(address, error="m").save(
        drawn,
        kind="svg",
        scale=5,
        border=4,
        light="#fff",
        dark="#000",
        svgclass=None,
        lineclass=None,
    )
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


@asking
def switch_off(request: Signed) -> HttpResponse:
    """Let merchants do without the second step again; a code shows that it is them."""
    if request.user.is_staff or second_step.app_of(request.user) is None:
        return redirect("you")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        now = timezone.now()
        try:
            second_step.verify(request.user, form.cleaned_data["code"], now=now)
        except second_step.WrongCode as wrong:
            form.refuse(wrong, now=now)
        else:
            second_step.switch_off(request.user, now=now)
            request.session.pop(CHOSEN, None)
            request.session.cycle_key()
            messages.success(request, "The second step is switched off.")
            return redirect("you")
    return answer(request, "second_step_off.html", {"form": form})


@asking
def codes(request: Signed) -> HttpResponse:
    """Make new codes to write down, and show them this once."""
    if second_step.app_of(request.user) is None:
        return redirect("you")
    if request.method != "POST":
        left = second_step.codes_left(request.user)
        return answer(request, "second_step_renew.html", {"left": left})
    made = second_step.renew_codes(request.user, now=timezone.now())
    return answer(request, "second_step_codes.html", {"codes": made, "next": resolve_url("you")})


def secret_of(app: Any) -> str:
    """The secret as people type it into an app that cannot take a picture."""
    text = b32encode(app.bin_key).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _let_in(request: Signed, app: Any) -> None:
    django_otp.login(request, app)
    request.session[CHOSEN] = True
    # More is open from here on, so nobody who knew the old key may come along.
    request.session.cycle_key()


def _back(request: HttpRequest) -> str:
    """Where somebody wanted to go, if that is here."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if wanted and here else resolve_url("home")
