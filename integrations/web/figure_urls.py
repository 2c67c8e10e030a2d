"""The addresses of figures."""

from django.urls import path

from . import figures

urlpatterns = [
    path("stores/<uuid:public_id>/figures/", figures.of_store, name="store-figures"),
]
