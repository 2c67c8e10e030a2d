"""What a refused batch means for the login it went with: a second chance, or a broken login."""

from datetime import datetime

from integrations.domain.failures import FailureKind, PlatformError
from integrations.models import Credential, KlaviyoAccount

from . import destinations, login_states, renewal
from .destinations import Destination
from .sending import Report


def second_chance(destination: Destination, report: Report, *, now: datetime) -> None:
    """After a 401, renew the login once, so that the batch is taken again and not held.

    It may make a call, so it runs before the batch is settled. Where the renewal fails for now, the
    lane rests; where it fails for good, the refusal stays, and settling holds the account.
    """
    failure = report.auth_failure
    if failure is None or failure.status != 401:
        return
    login = Credential.objects.filter(
        klaviyo_account_id=destination.store.klaviyo_account_id
    ).first()
    if login is None or not (login.renews or _was_replaced(login, destination)):
        return
    try:
        renewal.refresh(login.pk, now=now, seen=destination.login, was_refused=True)
    except PlatformError as exc:
        if exc.failure.kind is not FailureKind.AUTH:
            report.auth_failure, report.troubled = None, exc.failure
        return
    report.auth_failure = None
    destinations.forget(destination.store.pk)


def settle(destination: Destination, report: Report, *, now: datetime) -> None:
    """Write down that a batch was refused, inside the transaction that settles it."""
    failure = report.auth_failure
    if failure is None:
        return
    destinations.forget(destination.store.pk)
    account = destination.store.klaviyo_account_id
    login = Credential.objects.filter(klaviyo_account_id=account).first()
    if login is None:
        KlaviyoAccount.objects.hold(account, reason="There is no login yet.", now=now)
    elif not _was_replaced(login, destination):
        login_states.broken(login, failure=failure, now=now)


def _was_replaced(login: Credential, destination: Destination) -> bool:
    """Whether another secret is stored by now than the one that was refused.

    An empty one was used in place of a secret that could not be read.
    """
    if not destination.login:
        return not login_states.is_lost(login)
    return bytes(login.secret) != destination.login
