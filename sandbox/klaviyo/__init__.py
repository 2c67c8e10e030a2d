"""A Klaviyo that remembers."""

from sandbox.klaviyo.app import Klaviyo
from sandbox.klaviyo.memory import Account

__all__ = ["Account", "Klaviyo"]
