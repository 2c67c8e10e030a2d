"""The addresses of limits, of the calls that spend them, and of platforms that have trouble."""

from django.urls import path

from . import breakers, limits

urlpatterns = [
    path("limits/", limits.limits, name="limits"),
    path("accounts/<uuid:public_id>/limits/", limits.of_account, name="account-limits"),
    path("accounts/<uuid:public_id>/calls/", limits.calls, name="account-calls"),
    path("stores/<uuid:public_id>/calls/", limits.of_store, name="store-calls"),
    path("accounts/<uuid:public_id>/try-now/", breakers.try_account, name="account-try"),
    path("stores/<uuid:public_id>/try-now/", breakers.try_store, name="store-try"),
]
