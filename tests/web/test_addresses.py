"""Every address of the console, walked in every role; the expectations are in addresses.py."""

import pytest
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from integrations.models import AuditEntry

from .addresses import ADDRESSES, ASKED, FOR_MACHINES, HIDDEN, OPEN, REFUSED, ROLES

CASES = [
    (name, method, role)
    for name in sorted(ADDRESSES.keys() - FOR_MACHINES)
    for method in ("get", "post")
    for role in ROLES
]


def names(resolver=None):
    """Every name of the URLconf but the administration's, whose walk is in test_permissions.py."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLPattern):
            yield one.name
        elif one.namespace != "admin":
            yield from names(one)


def test_every_address_stands_in_the_table():
    found = set(names())

    missing, gone = found - ADDRESSES.keys(), ADDRESSES.keys() - found
    assert not missing, (
        f"Say in tests/web/addresses.py what each role meets at {sorted(map(str, missing))}: add a "
        'line such as "my-page": Address(of_store, get=TEAM, post=OWNERS) to ADDRESSES.'
    )
    assert not gone, f"tests/web/addresses.py names {sorted(gone)}, which no address has."


@pytest.mark.parametrize(("name", "method", "role"), CASES)
def test_each_role_meets_what_the_table_says(client, world, name, method, role):
    address = ADDRESSES[name]
    user = world.staff if role == "administrator" else getattr(world, role, None)
    if user:
        client.force_login(user)

    response = getattr(client, method)(reverse(name, args=address.arguments(world)))

    expected = getattr(address, method)
    assert met(response) == ("not allowed" if expected is None else getattr(expected, role))


# What belongs to one merchant: hidden from those of another.
OF_ONE_MERCHANT = sorted(
    name
    for name, address in ADDRESSES.items()
    if address.get and HIDDEN in (address.get.foreigner, address.get.member)
)


@pytest.mark.parametrize("name", OF_ONE_MERCHANT)
def test_each_page_of_a_merchant_leaves_one_entry_when_support_looks(client, world, name):
    address = reverse(name, args=ADDRESSES[name].arguments(world))
    client.force_login(world.support)

    for _ in range(2):
        client.get(address)

    done = AuditEntry.objects.get(action="support.viewed")
    assert (done.merchant, done.actor) == (world.store.merchant, world.support)


def met(response) -> str:
    """What somebody met, in the words of the table."""
    if response.status_code in (301, 302):
        target = response["Location"].partition("?")[0]
        # Signing out leads to the sign-in page as well, and is what was asked for.
        signed_out = response.request["PATH_INFO"] == reverse("sign-out")
        return ASKED if target == reverse("sign-in") and not signed_out else OPEN
    return {403: REFUSED, 404: HIDDEN, 405: "not allowed"}.get(
        response.status_code, OPEN if response.status_code < 400 else str(response.status_code)
    )
