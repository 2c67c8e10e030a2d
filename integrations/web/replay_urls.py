"""The addresses of sending failed records again."""

from django.urls import path

from . import replay_acts, replays

urlpatterns = [
    path("again/", replays.replays, name="replays"),
    path("again/new/", replay_acts.new, name="replay-new"),
    path("again/<uuid:public_id>/", replays.replay, name="replay"),
    path("again/<uuid:public_id>/records/", replays.records, name="replay-records"),
    path("again/<uuid:public_id>/settings/", replay_acts.settings, name="replay-settings"),
    path("again/<uuid:public_id>/safe/", replay_acts.keep_safe, name="replay-safe"),
    path("again/<uuid:public_id>/start/", replay_acts.start, name="replay-start"),
    path("again/<uuid:public_id>/agree/", replay_acts.agree, name="replay-agree"),
    path("again/<uuid:public_id>/decline/", replay_acts.decline, name="replay-decline"),
    path("again/<uuid:public_id>/pause/", replay_acts.pause, name="replay-pause"),
    path("again/<uuid:public_id>/go-on/", replay_acts.go_on, name="replay-go-on"),
    path("again/<uuid:public_id>/stop/", replay_acts.stop, name="replay-stop"),
]
