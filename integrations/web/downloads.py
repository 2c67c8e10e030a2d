"""Files that are given out as they are read."""

from collections.abc import Iterable
from datetime import datetime

from django.http import StreamingHttpResponse

from integrations.pipeline.spreadsheets import Format

_TYPES = {Format.CSV: "text/csv", Format.JSON_LINES: "application/x-ndjson"}


def download(
    lines: Iterable[str], name: str, *, format: Format = Format.CSV, now: datetime
) -> StreamingHttpResponse:
    """Lines as a file to keep, with its day in its name."""
    response = StreamingHttpResponse(lines, content_type=f"{_TYPES[format]}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{now:%Y-%m-%d}.{format.value}"'
    return response
