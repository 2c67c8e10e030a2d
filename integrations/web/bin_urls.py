"""The addresses of the bin, and of failed records as files."""

from django.urls import path

from . import bins, failed_files, failed_imports

urlpatterns = [
    path("bin/in/", bins.put, name="bin-new"),
    path("bin/out/", bins.take_out, name="bin-out"),
    path("bin/<uuid:public_id>/", bins.decision, name="binning"),
    path("failed/export/", failed_files.export, name="failed-export"),
    path("failed/import/", failed_imports.hand_in, name="failed-import-new"),
    path("failed/import/<uuid:public_id>/", failed_imports.show, name="failed-import"),
    path("failed/import/<uuid:public_id>/take/", failed_imports.take, name="failed-import-take"),
    path(
        "failed/import/<uuid:public_id>/forget/", failed_imports.forget, name="failed-import-forget"
    ),
]
