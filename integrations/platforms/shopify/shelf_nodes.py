"""The GraphQL shapes of a customer and of a product, with only the fields we ask for."""

from decimal import Decimal

import msgspec

from .bodies import Id, Moment
from .nodes import AddressNode, CustomerNode, Node, PageInfo


class PersonNode(CustomerNode, frozen=True):
    """A customer on their own, as a window shows them."""

    legacy_resource_id: Id = ""
    updated_at: Moment | None = None
    default_address: AddressNode | None = None


class Picture(Node, frozen=True):
    url: str | None = None


class Preview(Node, frozen=True):
    image: Picture | None = None


class MediaNode(Node, frozen=True):
    preview: Preview | None = None


class Media(Node, frozen=True):
    nodes: tuple[MediaNode, ...] = ()


class VariantNode(Node, frozen=True):
    legacy_resource_id: Id
    title: str
    updated_at: Moment
    price: Decimal
    sku: str | None = None
    inventory_quantity: int | None = None
    media: Media = msgspec.field(default_factory=Media)


class Variants(Node, frozen=True):
    page_info: PageInfo
    nodes: tuple[VariantNode, ...]


class ProductNode(Node, frozen=True):
    legacy_resource_id: Id
    title: str
    handle: str
    status: str
    updated_at: Moment
    variants: Variants
    description_html: str | None = None
    published_at: Moment | None = None
    vendor: str | None = None
    product_type: str | None = None
    tags: tuple[str, ...] = ()
    featured_media: MediaNode | None = None
