"""Made-up shops whose webhooks look like the real thing, the same for the same seed."""

from sandbox.shop.memory import ShopMemory
from sandbox.shop.simulation import Happening, Shop

__all__ = ["Happening", "Shop", "ShopMemory"]
