"""The addresses of reasons."""

from django.urls import path

from . import causes

urlpatterns = [
    path("reasons/<int:pk>/", causes.cause, name="cause"),
    path("reasons/<int:pk>/take/", causes.take, name="cause-take"),
    path("reasons/<int:pk>/let-go/", causes.let_go, name="cause-let-go"),
    path("reasons/<int:pk>/note/", causes.note, name="cause-note"),
    path("reasons/<int:pk>/park/", causes.park, name="cause-park"),
    path("reasons/<int:pk>/back/", causes.back, name="cause-back"),
    path("reasons/<int:pk>/merge/", causes.merge, name="cause-merge"),
    path("reasons/<int:pk>/apart/", causes.apart, name="cause-apart"),
    path("reasons/<int:pk>/split/", causes.split, name="cause-split"),
]
