"""The address a monitoring system reads the console's figures from, in the form of Prometheus."""

import hmac
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from integrations.pipeline import gauges

SCHEME = "bearer "


class Figures(Collector):
    """The figures of one moment. Nothing is counted in this process, so any process may answer."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give each figure out with its samples."""
        for reading in gauges.read(now=self._now):
            family = GaugeMetricFamily(
                reading.gauge.name, reading.gauge.help, labels=reading.gauge.labels
            )
            for labels, value in reading.samples.items():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing beforehand, so that being registered costs no query."""
        return []


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the figures to whoever has the token; without a token in the settings there are none."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not _has_token(request.headers.get("Authorization", "")):
        refused = HttpResponse("This needs the token.\n", status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(timezone.now()))
    try:
        text = generate_latest(registry)
    except DatabaseError:
        return HttpResponse("no database\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token(said: str) -> bool:
    if said[: len(SCHEME)].lower() != SCHEME:
        return False
    # As bytes: only those are compared in the same time whatever a client makes up.
    given = said[len(SCHEME) :].strip().encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given, settings.METRICS_TOKEN.encode())
