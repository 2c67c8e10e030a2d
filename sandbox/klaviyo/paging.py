"""Pages of a collection, continued by following `links.next`."""

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.klaviyo.errors import Refusal
from sandbox.messages import Call

if TYPE_CHECKING:
    from sandbox.klaviyo.app import Klaviyo

SIZE, CURSOR = "page[size]", "page[cursor]"


def page_size(call: Call, size: int, largest: int) -> int:
    """Read the wanted page size; refuse one that is out of bounds."""
    text = call.query.get(SIZE, str(size))
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise Refusal(400, f"Page size must be between 1 and {largest}.", parameter=SIZE)
    return int(text)


def cursor(call: Call) -> str | None:
    """Read the place the last page ended at."""
    if (text := call.query.get(CURSOR)) is None:
        return None
    try:
        return base64.urlsafe_b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(400, "Invalid page cursor.", parameter=CURSOR) from None


def links(klaviyo: "Klaviyo", call: Call, next_at: str | None) -> dict[str, str | None]:
    """Write the links of a page; `next_at` is where the following one begins."""
    here = f"{klaviyo.url}{call.path}"
    own = {name: value for name, value in call.query.items() if name != CURSOR}
    this = f"{here}?{urlencode(call.query)}" if call.query else here
    following = None
    if next_at is not None:
        token = base64.urlsafe_b64encode(next_at.encode()).decode()
        following = f"{here}?{urlencode({**own, CURSOR: token})}"
    return {"self": this, "next": following, "prev": None}


def page(
    klaviyo: "Klaviyo", call: Call, rows: list[Any], *, size: int, largest: int
) -> dict[str, Any]:
    """Cut one page out of a list that does not reorder itself."""
    start = int(cursor(call) or 0)
    end = start + page_size(call, size, largest)
    more = str(end) if end < len(rows) else None
    return {"data": rows[start:end], "links": links(klaviyo, call, more)}
