"""Which records of a page the ledger does not have: what a run for the missing ones lands."""

from collections.abc import Sequence

from integrations.models import Delivery, SyncWindow
from integrations.platforms.shopify.pages import Row

# What stands in the ledger for a record that arrived: its leading operation.
LEADING = {"orders": "placed_order", "products": "catalog_item"}


def only(window: SyncWindow, rows: Sequence[Row]) -> list[Row]:
    """Leave out records whose leading operation Klaviyo has accepted.

    A person has no row of their own by the shop's number, so customers are all landed; the
    ledger then finds them unchanged.
    """
    kind = LEADING.get(window.stream)
    if kind is None:
        return list(rows)
    store = window.job.store
    names = {f"{kind}:{store.pk}:{row.source_id}": row for row in rows}
    known = set(
        Delivery.objects.filter(
            klaviyo_account_id=store.klaviyo_account_id, identity__in=names, present=True
        ).values_list("identity", flat=True)
    )
    return [row for name, row in names.items() if name not in known]
