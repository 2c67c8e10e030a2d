"""The goods of a made-up shop."""

from typing import Any

from sandbox.shop import words
from sandbox.shop.chance import Chance, gid
from sandbox.shop.money import money


def product(chance: Chance, at: str) -> dict[str, Any]:
    """Make a product with its variants as `products/create` shows one."""
    number = chance.number()
    title = f"{chance.pick(words.ADJECTIVES)} {chance.pick(words.NOUNS)}"
    handle = f"{title.lower().replace(' ', '-')}-{chance.drawn}"
    option, values = chance.pick(words.OPTIONS)
    titles = ["Default Title"] if chance.often(0.3) else values[: chance.randrange(2, 5)]
    media = _image(chance, number, at)
    return {
        "id": number,
        "admin_graphql_api_id": gid("Product", number),
        "title": title + chance.pick(words.FLOURISHES),
        "body_html": None if chance.often(0.1) else f"<p>A <b>{title}</b> &amp; nothing else.</p>",
        "vendor": chance.pick(words.VENDORS),
        "product_type": chance.pick(words.TYPES),
        "handle": handle,
        "status": chance.pick(("active", "active", "active", "draft", "archived")),
        "tags": ", ".join(sorted(set(chance.choices(words.TAGS, k=2)))),
        "template_suffix": None,
        "published_scope": "web",
        "created_at": at,
        "updated_at": at,
        "published_at": at if chance.often(0.9) else None,
        "options": [{"id": number + 1, "product_id": number, "name": option, "position": 1,
                     "values": list(titles)}],
        "variants": [
            _variant(chance, number, name, position, at)
            for position, name in enumerate(titles, start=1)
        ],
        "images": [media],
        "image": media,
        "media": [],
        "category": None,
        "has_variants_that_requires_components": False,
    }  # fmt: skip


def _image(chance: Chance, product_id: int, at: str) -> dict[str, Any]:
    number = chance.number()
    return {
        "id": number,
        "product_id": product_id,
        "position": 1,
        "alt": None,
        "width": 800,
        "height": 600,
        "src": f"https://cdn.alpine-demo.shop/{product_id}.jpg?v={chance.randrange(10**9)}",
        "variant_ids": [],
        "admin_graphql_api_id": gid("MediaImage", number),
        "created_at": at,
        "updated_at": at,
    }


def _variant(chance: Chance, product_id: int, title: str, position: int, at: str) -> dict[str, Any]:
    number = chance.number()
    price = chance.pick((0, 499, 1999, 2500, 4900, 12_900, 99_900))
    return {
        "id": number,
        "admin_graphql_api_id": gid("ProductVariant", number),
        "product_id": product_id,
        "title": title,
        "price": money(price),
        "compare_at_price": money(price + 1000) if chance.often(0.2) else None,
        "position": position,
        "sku": None if chance.often(0.08) else f"SKU-{product_id % 100_000}-{position}",
        "barcode": None,
        "inventory_policy": chance.pick(("deny", "continue")),
        "inventory_item_id": number + 1,
        "inventory_quantity": chance.randrange(-2, 200),
        "old_inventory_quantity": 0,
        "option1": title,
        "option2": None,
        "option3": None,
        "taxable": True,
        "image_id": None,
        "created_at": at,
        "updated_at": at,
    }


def inventory_level(chance: Chance, variant: dict[str, Any], at: str) -> dict[str, Any]:
    """Make the body of `inventory_levels/update`; it names no product and no variant."""
    item = variant["inventory_item_id"]
    return {
        "inventory_item_id": item,
        "location_id": 655441491,
        "available": variant["inventory_quantity"],
        "updated_at": at,
        "admin_graphql_api_id": gid("InventoryLevel", f"655441491?inventory_item_id={item}"),
    }
