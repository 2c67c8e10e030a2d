"""Klaviyo accounts as people see them: login, what is held, how much of the allowance is used."""

from datetime import datetime

import msgspec
from django.db.models import Count, Q

from integrations.domain.budgets import BURST_SLOTS, STEADY_SLOTS, Usage
from integrations.domain.storestates import WORKING_LOGIN
from integrations.models import Budget, Call, Credential, Event, KlaviyoAccount, Store, User


class AccountRow(msgspec.Struct):
    """One account in the list."""

    account: KlaviyoAccount
    login: Credential | None
    stopped: bool
    stores: int


class Allowance(msgspec.Struct):
    """How much of one endpoint's allowance the last second and minute used."""

    endpoint: str
    burst: int
    burst_used: int
    steady: int
    steady_used: int
    blocked_until: datetime | None


class AccountPage(msgspec.Struct):
    """Everything the page of one account shows."""

    login: Credential | None
    stopped: bool
    stores: list[Store]
    held: int
    allowances: list[Allowance]
    calls: list[Call]


def accounts(user: User) -> list[AccountRow]:
    """The accounts a person may see, stopped ones first."""
    rows = list(
        KlaviyoAccount.objects.visible_to(user)
        .select_related("merchant")
        .order_by("held_since", "name", "id")
    )
    of_these = Q(klaviyo_account__in=[account.pk for account in rows])
    fed_by = dict(
        Store.objects.filter(of_these).values_list("klaviyo_account").annotate(n=Count("pk"))
    )
    logins = {
        one.klaviyo_account_id: one for one in Credential.objects.filter(of_these).defer("secret")
    }
    return [
        AccountRow(
            account,
            logins.get(account.pk),
            _stopped(account, logins.get(account.pk)),
            fed_by.get(account.pk, 0),
        )
        for account in rows
    ]


def account_page(account: KlaviyoAccount, *, now: datetime) -> AccountPage:
    """Read the page of one account."""
    stores = list(account.stores.order_by("name", "id"))
    login = Credential.objects.filter(klaviyo_account=account).defer("secret").first()
    stopped = _stopped(account, login)
    held = 0
    if stopped:
        held = (
            Event.objects.live().waiting().filter(store__in=[store.pk for store in stores]).count()
        )
    return AccountPage(
        login=login,
        stopped=stopped,
        stores=stores,
        held=held,
        allowances=of_account(account.pk, now=now),
        calls=list(Call.objects.filter(klaviyo_account=account).order_by("-id")[:10]),
    )


def of_account(account_id: int, *, now: datetime) -> list[Allowance]:
    """How much of each endpoint's allowance is used."""
    rows = Budget.objects.filter(klaviyo_account=account_id).order_by("endpoint")
    return [_allowance(row, now) for row in rows]


def _stopped(account: KlaviyoAccount, login: Credential | None) -> bool:
    """Whether nothing reaches the account until a person acts."""
    return account.held_since is not None or login is None or login.state != WORKING_LOGIN


def _allowance(row: Budget, now: datetime) -> Allowance:
    usage = Usage({int(slot): calls for slot, calls in row.slots.items()})
    blocked = row.blocked_until if row.blocked_until and row.blocked_until > now else None
    return Allowance(
        row.endpoint,
        row.burst,
        min(usage.spent(now, BURST_SLOTS), row.burst),
        row.steady,
        min(usage.spent(now, STEADY_SLOTS), row.steady),
        blocked,
    )
