"""Whose metric is whose: ours, and those of other integrations that mean the same."""

from collections.abc import Iterable, Sequence

import msgspec

from .metrics import MetricNames

# Klaviyo's own integrations write the same things under these names as well (Klaviyo: help pages
# of the Shopify and Magento integrations).
ALIASES: dict[str, frozenset[str]] = {
    "cancelled_order": frozenset({"cancelled order", "canceled order"}),
    "fulfilled_order": frozenset({"fulfilled order", "fulfilled partial order"}),
    "started_checkout": frozenset({"started checkout", "checkout started"}),
}
# Unconfirmed: the full list of keys; a shop system that is not here shows by its category.
SHOP_SYSTEMS = frozenset(
    {"shopify", "magento", "magento_two", "bigcommerce", "woocommerce", "prestashop"}
)


class Known(msgspec.Struct, frozen=True):
    """A metric as an account shows it, and who writes it."""

    id: str
    name: str
    integration: str
    key: str
    category: str


class Sorted(msgspec.Struct, frozen=True):
    """The metrics of one kind of event: those we write, and those of others."""

    kind: str
    name: str
    ours: list[Known]
    twins: list[Known]


def sort(
    known: Sequence[Known], names: MetricNames, *, kinds: Iterable[str], by_key: bool
) -> list[Sorted]:
    """Tell our metrics from those of others, for the kinds of event a job writes.

    Klaviyo tells metrics apart by name and integration. What is sent with a private key stands
    under the integration API; what an app sends after a sign-in, under the app's own name.
    """
    found = []
    for kind in kinds:
        name = str(getattr(names, kind))
        alike = ALIASES.get(kind, frozenset()) | {name.lower()}
        same = [one for one in known if one.name.lower() in alike]
        ours = [one for one in same if one.name == name and _is_ours(one, by_key)]
        found.append(Sorted(kind, name, ours, [one for one in same if one not in ours]))
    return found


def _is_ours(one: Known, by_key: bool) -> bool:
    is_api = "api" in {one.key, one.category, one.integration.lower()}
    if by_key:
        return is_api
    # Unconfirmed: under which key an app's own metrics stand. Neither API nor a shop system is
    # taken for ours, so that a flow is rather shown once too often.
    return not is_api and one.key not in SHOP_SYSTEMS and one.category != "ecommerce"
