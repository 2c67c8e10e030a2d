"""The addresses of past data."""

from django.urls import path

from . import past, past_acts, past_undo

urlpatterns = [
    path("stores/<uuid:public_id>/past/", past.of_store, name="past"),
    path("stores/<uuid:public_id>/past/new/", past.new, name="past-new"),
    path("stores/<uuid:public_id>/past/now/", past.banners, name="past-banners"),
    path("past/<uuid:public_id>/", past.fetch, name="past-fetch"),
    path("past/<uuid:public_id>/start/", past_acts.start, name="past-start"),
    path("past/<uuid:public_id>/pause/", past_acts.pause, name="past-pause"),
    path("past/<uuid:public_id>/go-on/", past_acts.go_on, name="past-go-on"),
    path("past/<uuid:public_id>/stop/", past_acts.stop, name="past-stop"),
    path("past/<uuid:public_id>/missing/", past_acts.lacking, name="past-lacking"),
    path("past/<uuid:public_id>/periods/", past.periods, name="past-periods"),
    path("past/<uuid:public_id>/records/", past.records, name="past-records"),
    path("past/<uuid:public_id>/undo/", past_undo.page, name="past-undo"),
    path("past/<uuid:public_id>/undo/list/", past_undo.draft, name="past-undo-draft"),
    path("past/<uuid:public_id>/undo/file/", past_undo.export, name="past-undo-export"),
    path("past/undo/<uuid:public_id>/begin/", past_undo.confirm, name="past-undo-confirm"),
    path("past/undo/<uuid:public_id>/stop/", past_undo.stop, name="past-undo-stop"),
    path("past/periods/<uuid:public_id>/", past_acts.period, name="past-period"),
    path("past/periods/<uuid:public_id>/again/", past_acts.again, name="past-again"),
]
