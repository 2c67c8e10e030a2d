"""The links to the files of bulk operations: signed, open to whoever has them, for seven days.

The real ones lead to a storage service, which knows nothing of the shop's tokens. What it says to
a link that is no longer good is not published by Shopify; this is Google Cloud Storage's answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from sandbox.messages import Call, Part, Reply
from sandbox.script import html_forbidden

if TYPE_CHECKING:
    from sandbox.shopify.bulk import BulkScript, Run

SECRET = b"storage of the sandbox"
RANGE = re.compile(r"bytes=(?P<start>\d+)-")
MEDIA = "application/jsonl"


def signed(path: str, expires: int) -> str:
    """Sign a path with the moment it stops being good."""
    return f"{path}?Expires={expires}&Signature={_signature(path, str(expires))}"


def answer(run: Run | None, script: BulkScript, call: Call, now: float) -> Reply:
    """Give out a file, or the part of it that was asked for."""
    if call.method != "GET":
        return Reply(405)
    if "x-shopify-access-token" in call.headers:
        return _refusal(400, "AccessTokenShown", "A token of the shop was sent to storage.")
    expires = call.query.get("Expires", "0")
    if not hmac.compare_digest(call.query.get("Signature", ""), _signature(call.path, expires)):
        return _refusal(403, "SignatureDoesNotMatch", "The signature does not match.")
    trouble = script.downloads.pop(0) if script.downloads else ""
    if now >= float(expires) or trouble == "refuse":
        return _refusal(400, "ExpiredToken", "The provided token has expired.")
    if run is None:
        return _refusal(404, "NoSuchKey", "The specified key does not exist.")
    return html_forbidden() if trouble == "html" else _file(run, script, call, trouble)


def _file(run: Run, script: BulkScript, call: Call, trouble: str) -> Reply:
    size = run.file.stat().st_size
    tag = f'"{run.id}-{size}"'
    headers = {"ETag": tag}
    # A file that is cut short looks whole to whoever only counts what was announced.
    end = size * 2 // 3 if trouble == "cut" else size
    wanted = RANGE.fullmatch(call.headers.get("range", ""))
    start = int(wanted["start"]) if wanted and script.ranges else 0
    if call.headers.get("if-range", tag) != tag:
        start = 0
    if script.ranges:
        headers["Accept-Ranges"] = "bytes"
    if start >= size > 0 and start:
        return Reply(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
    if start:
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    length = max(0, end - start)
    breaks_at = length // 2 if trouble == "drop" else None
    part = Part(run.file, start, length, breaks_at)
    return Reply(206 if start else 200, part, headers, media_type=MEDIA)


def _refusal(status: int, code: str, message: str) -> Reply:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"  # noqa: E501
    return Reply(status, text.encode(), media_type="application/xml; charset=UTF-8")


def _signature(path: str, expires: str) -> str:
    return hmac.new(SECRET, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
