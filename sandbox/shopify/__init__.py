"""A Shopify that remembers."""

from sandbox.shopify.app import Shopify

__all__ = ["Shopify"]
