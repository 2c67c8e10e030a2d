"""Klaviyo's endpoints with their published limits (Klaviyo: OpenAPI descriptions, 2026-07-15)."""

from enum import StrEnum

import msgspec

from integrations.domain.budgets import Limits

MEGABYTE = 1_000_000
# Klaviyo: 5 MB a request. What wraps the items, and another meaning of MB, must fit in the rest.
MOST_BYTES = int(4.7 * MEGABYTE)

S = Limits(3, 60)
M = Limits(10, 150)
# The documents say 700 a minute in one place and 750 in another; the smaller one is safe.
L = Limits(75, 700)
XL = Limits(350, 3500)


class Endpoint(StrEnum):
    """The endpoints we write to, those that tell what became of a job, and who listens."""

    EVENT = "events"
    EVENTS = "event-bulk-create-jobs"
    PROFILE = "profile-import"
    PROFILES = "profile-bulk-import-jobs"
    ITEMS_CREATE = "catalog-item-bulk-create-jobs"
    ITEMS_UPDATE = "catalog-item-bulk-update-jobs"
    ITEMS_DELETE = "catalog-item-bulk-delete-jobs"
    VARIANTS_CREATE = "catalog-variant-bulk-create-jobs"
    VARIANTS_UPDATE = "catalog-variant-bulk-update-jobs"
    VARIANTS_DELETE = "catalog-variant-bulk-delete-jobs"
    # Reading back what is there, before it is written to or taken back.
    READ_PROFILES = "profiles"
    READ_VARIANTS = "catalog-variants"
    JOB_STATUS = "job-status"
    METRICS = "metrics"
    MAPPED_METRICS = "mapped-metrics"
    FLOW_TRIGGERS = "flow-triggers"


class Facts(msgspec.Struct, frozen=True):
    """What Klaviyo publishes about an endpoint."""

    limits: Limits
    most: int = 1
    is_job: bool = False


FACTS: dict[Endpoint, Facts] = {
    Endpoint.EVENT: Facts(XL),
    Endpoint.EVENTS: Facts(M, 1000),
    Endpoint.PROFILE: Facts(L),
    Endpoint.PROFILES: Facts(M, 10_000, is_job=True),
    Endpoint.ITEMS_CREATE: Facts(L, 100, is_job=True),
    Endpoint.ITEMS_UPDATE: Facts(L, 100, is_job=True),
    Endpoint.ITEMS_DELETE: Facts(L, 100, is_job=True),
    Endpoint.VARIANTS_CREATE: Facts(L, 100, is_job=True),
    Endpoint.VARIANTS_UPDATE: Facts(L, 100, is_job=True),
    Endpoint.VARIANTS_DELETE: Facts(L, 100, is_job=True),
    Endpoint.READ_PROFILES: Facts(L),
    Endpoint.READ_VARIANTS: Facts(XL),
    # Asking about jobs: the smallest limit among the kinds of job.
    Endpoint.JOB_STATUS: Facts(M),
    Endpoint.METRICS: Facts(M),
    Endpoint.MAPPED_METRICS: Facts(S),
    Endpoint.FLOW_TRIGGERS: Facts(M),
}
