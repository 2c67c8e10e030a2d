"""Log lines as JSON objects on standard output."""

import json
import logging
import re
from datetime import UTC, datetime

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "taskName"}
# Whoever has the address of an invitation, or of the page for a new password, is let in.
_LINKS = re.compile(r"(/invitations/|/password/new/[^/\s\"\\]+/)(?!set-password)[^/\s\"\\]{20,}")


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, event, and what the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _LINKS.sub(r"\1***", json.dumps(line, default=str))
