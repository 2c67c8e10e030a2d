"""The property names merchants' flows and templates expect, and nothing that is unknown."""

from typing import Any

from .records import Address, LineItem

_MAY_BE_EMPTY = (str, list, dict)


def present(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is unknown or empty: a missing key keeps, a null would erase. Zero stays."""
    # Compared by type and not by value: comparing amounts with texts is slow.
    return {
        key: value
        for key, value in values.items()
        if value or (value is not None and value.__class__ not in _MAY_BE_EMPTY)
    }


def text(value: str | None) -> str | None:
    """Trim a text; an empty one is unknown."""
    return (value.strip() or None) if value else None


def item_properties(line: LineItem) -> dict[str, Any]:
    """One entry of `Items`."""
    return present(
        {
            "ProductID": line.product_id,
            "VariantID": line.variant_id,
            "SKU": line.sku,
            "ProductName": line.title,
            "VariantName": line.variant_title,
            "Brand": line.vendor,
            "Quantity": line.quantity,
            "ItemPrice": line.price,
            "RowTotal": line.price * line.quantity,
        }
    )


def address_properties(address: Address | None) -> dict[str, Any]:
    """`BillingAddress` and `ShippingAddress`, as templates read them."""
    if address is None:
        return {}
    return present(
        {
            "FirstName": address.first_name,
            "LastName": address.last_name,
            "Company": address.company,
            "Address1": address.address1,
            "Address2": address.address2,
            "City": address.city,
            "Region": address.region,
            "RegionCode": address.region_code,
            "Country": address.country,
            "CountryCode": address.country_code,
            "Zip": address.zip,
            "Phone": address.phone,
        }
    )


def location(address: Address | None) -> dict[str, Any]:
    """Where a person lives, in Klaviyo's own words."""
    if address is None:
        return {}
    return present(
        {
            "address1": address.address1,
            "address2": address.address2,
            "city": address.city,
            "region": address.region or address.region_code,
            "zip": address.zip,
            "country": address.country or address.country_code,
        }
    )
