"""The addresses of the bin, and of failed records as files."""

from django.urls import path

from . import bins, failed_files

urlpatterns = [
    path("bin/in/", bins.put, name="bin-new"),
    path("bin/out/", bins.take_out, name="bin-out"),
    path("bin/<uuid:public_id>/", bins.decision, name="binning"),
    path("failed/export/", failed_files.export, name="failed-export"),
]
