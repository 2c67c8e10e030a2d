"""Log lines on standard output: JSON objects for machines, plain lines for a developer."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from integrations import correlation

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "taskName"}
# Whoever has the address of an invitation, or of the page for a new password, is let in.
_LINKS = re.compile(r"(/invitations/|/password/new/[^/\s\"\\]+/)(?!set-password)[^/\s\"\\]{20,}")
# Where PostgreSQL refuses a row it says what stood in it.
_ROWS = re.compile(r"^DETAIL: .*?(?=^(?:CONTEXT|HINT): |^$|\Z)", re.MULTILINE | re.DOTALL)


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, and what the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; a line break inside of it is written as such and breaks no line."""
        return _LINKS.sub(r"\1***", json.dumps(_facts(record), default=str))

    def formatException(self, ei: Any) -> str:
        """Write an exception without the rows it names."""
        return _ROWS.sub("DETAIL: ***\n", super().formatException(ei))


class TextFormatter(JsonFormatter):
    """The same facts for a reader: a line, and an exception below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        facts = _facts(record)
        head = " ".join(str(facts.pop(name)) for name in ("time", "level", "logger", "message"))
        below = facts.pop("exception", "")
        line = " ".join([head, *(f"{name}={value}" for name, value in facts.items())])
        return _LINKS.sub(r"\1***", f"{line}\n{below}" if below else line)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    # Django tells of an answer such as 404 when the request is already behind us.
    of_answer = getattr(getattr(record, "request", None), "correlation_id", "")
    if known := correlation.current() or of_answer:
        facts["request_id"] = known
    facts |= {
        key: value
        for key, value in vars(record).items()
        if key not in _OWN and key not in {*facts, "exception"}
    }
    if record.exc_info:
        facts["exception"] = _FORMAT.formatException(record.exc_info)
    return facts


_FORMAT = JsonFormatter()
