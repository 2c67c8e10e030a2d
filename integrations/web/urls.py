"""The addresses of the console's own pages."""

from django.urls import path

from . import accounts, alive, events, failed, session, stores

urlpatterns = [
    path("healthz", alive.healthz, name="healthz"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    path("sign-out/", session.SignOut.as_view(), name="sign-out"),
    path("times/", session.times, name="times"),
    path("", stores.home, name="home"),
    path("stores/<uuid:public_id>/", stores.store, name="store"),
    path("stores/<uuid:public_id>/events/", events.events, name="events"),
    path("events/<uuid:public_id>/", events.event, name="event"),
    path("failed/", failed.failed_records, name="failed-records"),
    path("failed/<uuid:public_id>/", failed.failed_record, name="failed-record"),
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/<uuid:public_id>/", accounts.account, name="account"),
]
