"""The addresses of the console's own pages."""

from django.urls import path

from . import accounts, alive, events, failed, passwords, second_step, session, stores, you

urlpatterns = [
    path("healthz", alive.healthz, name="healthz"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    path("sign-in/code/", second_step.ask, name="second-step"),
    path("sign-in/set-up/", second_step.set_up, name="second-step-set-up"),
    path("sign-in/set-up/picture.svg", second_step.picture, name="second-step-picture"),
    path("password/forgotten/", passwords.Forgotten.as_view(), name="password-forgotten"),
    path("password/sent/", passwords.Sent.as_view(), name="password-sent"),
    path("password/new/<uidb64>/<token>/", passwords.New.as_view(), name="password-new"),
    path("you/", you.you, name="you"),
    path("you/password/", passwords.Change.as_view(), name="password-change"),
    path("you/second-step/off/", second_step.switch_off, name="second-step-off"),
    path("you/second-step/codes/", second_step.codes, name="second-step-codes"),
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
