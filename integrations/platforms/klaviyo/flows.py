"""Which flows a metric starts."""

from urllib.parse import quote

import msgspec

from .client import Klaviyo
from .collections import read_all


class Flow(msgspec.Struct, frozen=True):
    """A flow: automatic messages that begin when something happens."""

    id: str
    name: str
    # `live`, `manual` or `draft`; only a live one sends by itself.
    status: str
    archived: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it could send; a status we do not know is taken for one that could."""
        return not self.archived and self.status not in {"draft", "manual"}


class _Attributes(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    archived: bool | None = None


class _Flow(msgspec.Struct):
    id: str
    attributes: _Attributes


def started_by(client: Klaviyo, metric_id: str) -> list[Flow]:
    """The flows a metric triggers. Raises PlatformError; without `flows:read` Klaviyo says 403."""
    path = f"metrics/{quote(metric_id, safe='')}/flow-triggers"
    return [
        Flow(
            one.id,
            one.attributes.name or one.id,
            (one.attributes.status or "").lower(),
            bool(one.attributes.archived),
        )
        for one in read_all(client, path, _Flow)
    ]
