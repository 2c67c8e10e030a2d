"""The dead man's switch: an outside service hears of us each minute while all is well.

Whoever watches a watcher must not share its fate. When we fall silent, that service tells the
operators, however little of us still runs.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from integrations.domain.alerting import AlertState, Severity
from integrations.domain.failures import PlatformError
from integrations.models import Alert
from integrations.platforms import http

from . import alerts, health

log = logging.getLogger(__name__)

OUTSIDE = "outside"
# The last look may be this old.
FRESH = timedelta(minutes=3)


def sign(*, now: datetime) -> bool:
    """Call the outside service, if there is one and all is well with the console itself."""
    if not settings.HEARTBEAT_URL or not is_well(now=now):
        return False
    try:
        answer = http.send("GET", settings.HEARTBEAT_URL, headers={})
    except PlatformError as exc:
        log.warning("heartbeat.failed", extra={"error": exc.failure.code})
        return False
    if answer.status >= 400:
        log.warning("heartbeat.refused", extra={"status": answer.status})
        return False
    health.beat(OUTSIDE, now=now, detail=str(answer.status))
    return True


def is_well(*, now: datetime) -> bool:
    """Whether somebody has looked just now, and nothing critical is wrong with the console."""
    seen = health.seen_at(alerts.WATCHER)
    if seen is None or now - seen > FRESH:
        return False
    own = Alert.objects.filter(merchant=None, state=AlertState.FIRING, severity=Severity.CRITICAL)
    return not own.exists()
