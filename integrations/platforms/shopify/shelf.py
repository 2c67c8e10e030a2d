"""Customers and products in their GraphQL shape, as the same records that webhooks give."""

import msgspec

from integrations.domain.failures import Unreadable
from integrations.domain.records import Customer, Product, Variant

from .nodes import Email, Phone
from .orders import address, whole
from .shelf_nodes import MediaNode, PersonNode, ProductNode, VariantNode
from .values import identifier, moment, money, quantity

_PERSON = msgspec.json.Decoder(PersonNode)
_PRODUCT = msgspec.json.Decoder(ProductNode)


def read_customer(body: bytes) -> Customer:
    """A customer from a node's bytes. Raises Unreadable, or msgspec's errors for another shape."""
    node = _PERSON.decode(body)
    if node.updated_at is None:
        raise Unreadable("This customer has no version.", field="$.updatedAt", rule="type")
    return Customer(
        source_id=identifier(node.legacy_resource_id, "id"),
        email=(node.default_email_address or Email()).email_address,
        phone=(node.default_phone_number or Phone()).phone_number,
        first_name=node.first_name,
        last_name=node.last_name,
        # Webhooks carry none, and the same person must say the same whichever way they come.
        locale=None,
        address=address(node.default_address),
        version=moment(node.updated_at, "updatedAt"),
    )


def read_product(body: bytes) -> Product:
    """A product from a node's bytes; one that came cut short is not taken for whole.

    Raises PlatformError, Unreadable, or msgspec's errors for another shape.
    """
    node = _PRODUCT.decode(body)
    whole(node.variants.page_info, "variants")
    return Product(
        source_id=identifier(node.legacy_resource_id, "id"),
        title=node.title or node.handle,
        description=node.description_html or "",
        handle=node.handle,
        published=node.status == "ACTIVE" and node.published_at is not None,
        vendor=node.vendor,
        product_type=node.product_type,
        tags=node.tags,
        image_url=_picture(node.featured_media),
        variants=tuple(_variant(one, n) for n, one in enumerate(node.variants.nodes)),
        version=moment(node.updated_at, "updatedAt"),
    )


def _variant(node: VariantNode, number: int) -> Variant:
    place = f"variants[{number}]"
    return Variant(
        source_id=identifier(node.legacy_resource_id, f"{place}.id"),
        title=node.title,
        sku=node.sku,
        price=money(node.price, f"{place}.price"),
        inventory_quantity=quantity(node.inventory_quantity or 0, place),
        image_url=_picture(next(iter(node.media.nodes), None)),
        version=moment(node.updated_at, f"{place}.updatedAt"),
    )


def _picture(node: MediaNode | None) -> str | None:
    # Unconfirmed: that the preview of a picture has the very address that webhooks call `src`.
    if node is None or node.preview is None or node.preview.image is None:
        return None
    return node.preview.image.url
