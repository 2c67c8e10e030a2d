"""The second step of signing in: a code from an app on the phone, or one that was written down."""

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from integrations.models import User

from . import audit, sessions

CODES = 10
# Without letters that look like digits; ten of 31 are 49 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 10
# django-otp keeps a code in sixteen letters.
KEPT = 16


class WrongCode(Exception):
    """The code was not taken; until `again_at` no other is looked at."""

    def __init__(self, again_at: datetime | None) -> None:
        super().__init__("wrong code")
        self.again_at = again_at


def app_of(user: User) -> TOTPDevice | None:
    """The app somebody signs in with, once they have shown that it works."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def begin(user: User) -> TOTPDevice:
    """A secret for an app that is being set up; the same until it is confirmed."""
    found = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return found or TOTPDevice.objects.create(user=user, name="app", confirmed=False)


def confirm(
    user: User, code: str, *, session: str = "", now: datetime
) -> tuple[TOTPDevice, list[str]]:
    """Take the app into use in place of any older one, and make its codes for emergencies.

    Sessions from before, which nobody asked for a code, end, except for the one this is done in.
    Raises WrongCode.
    """
    device = _verified(TOTPDevice, begin(user).pk, _digits(code), now=now)
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        codes = new_codes(user)
        sessions.end_others(user, keep=session, now=now)
        audit.record_about(user, "second_step.switched_on", now=now)
    return device, codes


def verify(user: User, code: str, *, now: datetime) -> TOTPDevice:
    """Take a code from somebody's app, or one of those written down, which then is gone.

    Returns the app either way: a session holds as long as that is the one in use.
    Raises WrongCode.
    """
    app = app_of(user)
    try:
        from_app = _taken(user, app, code, now=now)
    except WrongCode as wrong:
        # Those that come too soon are not looked at, and leave no entry.
        if wrong.again_at is None:
            audit.record_about(user, "second_step.refused", by=audit.SOMEBODY, now=now)
        raise
    if not from_app:
        audit.record_about(user, "second_step.code_used", now=now)
    return app


def codes_left(user: User) -> int:
    """How many of the codes written down have not been used."""
    return int(StaticToken.objects.filter(device__user=user).count())


@transaction.atomic
def renew_codes(user: User, *, now: datetime) -> list[str]:
    """Make new codes to write down; the old ones no longer work."""
    audit.record_about(user, "second_step.codes_renewed", now=now)
    return new_codes(user)


def new_codes(user: User) -> list[str]:
    """Make codes to write down, in place of any older ones; they are readable only here."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="written down")
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_kept(code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


@transaction.atomic
def switch_off(user: User, *, by: audit.Actor | None = None, now: datetime) -> None:
    """Forget somebody's app and codes, and with that every session that relied on them."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    action = "second_step.reset" if by else "second_step.switched_off"
    audit.record_about(user, action, by=by, now=now)


def _taken(user: User, app: TOTPDevice | None, code: str, *, now: datetime) -> bool:
    """Whether a code that was taken came from the app, and not from those written down."""
    digits = _digits(code)
    if app and len(digits) == app.digits and digits.isdigit():
        _verified(TOTPDevice, app.pk, digits, now=now)
        return True
    written = StaticDevice.objects.filter(user=user).first()
    if app is None or written is None:
        raise WrongCode(None)
    _verified(StaticDevice, written.pk, _kept(code), now=now)
    return False


def _verified(kind: Any, pk: int, code: str, *, now: datetime) -> Any:
    """Ask a device, locked so that no code is used twice; what it counts is kept either way."""
    with transaction.atomic():
        device = kind.objects.select_for_update().get(pk=pk)
        allowed, details = device.verify_is_allowed()
        taken = device.verify_token(code)
    if taken:
        return device
    raise WrongCode(None if allowed else (details or {}).get("locked_until", now))


def _digits(code: str) -> str:
    return "".join(code.split())


def _kept(code: str) -> str:
    """A code as the database has it: who reads the table cannot use it."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return salted_hmac("integrations.second_step", plain, algorithm="sha256").hexdigest()[:KEPT]
