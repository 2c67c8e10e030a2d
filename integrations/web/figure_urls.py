"""The addresses of figures."""

from django.urls import path

from . import figures

urlpatterns = [
    path("figures/", figures.of_all, name="figures"),
    path("stores/<uuid:public_id>/figures/", figures.of_store, name="store-figures"),
]
