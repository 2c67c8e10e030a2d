"""Products as Klaviyo's catalog shows them."""

import html
import re

from .operations import DeleteCatalogItem, Operation, UpsertCatalogItem, UpsertCatalogVariant
from .properties import present
from .records import Deletion, Product, Variant

TAG = re.compile(r"<[^>]*>")
LONGEST_DESCRIPTION = 5000


def upserts(product: Product, scope: str, shop_url: str) -> list[Operation]:
    """The item and then its variants; a variant needs its item to exist."""
    url = f"{shop_url}/products/{product.handle}"
    item = UpsertCatalogItem(
        source_id=product.source_id,
        scope=scope,
        version=product.version,
        attributes=present(
            {
                "title": product.title,
                "description": plain(product.description) or product.title,
                "url": url,
                "price": min((variant.price for variant in product.variants), default=None),
                "image_full_url": product.image_url,
                "custom_metadata": present(
                    {
                        "vendor": product.vendor,
                        "product_type": product.product_type,
                        "tags": ", ".join(product.tags),
                    }
                ),
            }
        )
        | {"published": product.published},
    )
    return [item, *(_variant(product, one, scope, url) for one in product.variants)]


def deletion(record: Deletion, scope: str) -> DeleteCatalogItem:
    """The product is gone; its variants go with it."""
    return DeleteCatalogItem(record.source_id, scope, record.version)


def plain(markup: str) -> str:
    """The words of a description, without its markup."""
    words = html.unescape(TAG.sub(" ", markup))
    return " ".join(words.split())[:LONGEST_DESCRIPTION]


def _variant(product: Product, variant: Variant, scope: str, url: str) -> UpsertCatalogVariant:
    return UpsertCatalogVariant(
        source_id=variant.source_id,
        item_id=product.source_id,
        scope=scope,
        version=max(product.version, variant.version),
        attributes=present(
            {
                "title": f"{product.title} - {variant.title}",
                "description": plain(product.description) or product.title,
                "url": f"{url}?variant={variant.source_id}",
                "image_full_url": variant.image_url or product.image_url,
            }
        )
        | {
            "sku": variant.sku or variant.source_id,
            "price": variant.price,
            "inventory_quantity": max(variant.inventory_quantity or 0, 0),
            "published": product.published,
        },
    )
