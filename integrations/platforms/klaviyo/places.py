"""Where people look at the same thing in Klaviyo's own pages.

Unconfirmed: Klaviyo documents no addresses of its pages as an interface, and those of one person
or one event need an id of its own, which we are not told. So these lead to the lists.
"""

from integrations.domain.operations import Kind

PAGES = "https://www.klaviyo.com"


def of_kind(kind: str) -> tuple[str, str]:
    """Words and address of the list in which Klaviyo shows records of a kind."""
    if kind == Kind.PROFILE:
        return "Open the people in Klaviyo", f"{PAGES}/people"
    if kind in {Kind.CATALOG_ITEM, Kind.CATALOG_VARIANT}:
        return "Open the catalog in Klaviyo", f"{PAGES}/catalog"
    return "Open the metrics in Klaviyo", f"{PAGES}/analytics/metrics"
