"""The addresses of repairing failed records."""

from django.urls import path

from . import failed_record, group_repairs, repairs

urlpatterns = [
    path("failed/<uuid:public_id>/reveal/", failed_record.reveal, name="record-reveal"),
    path("failed/<uuid:public_id>/field/", repairs.one_field, name="record-field"),
    path("failed/<uuid:public_id>/document/", repairs.document, name="record-document"),
    path("failed/<uuid:public_id>/check/", repairs.check, name="record-check"),
    path("failed/<uuid:public_id>/take-back/", repairs.take_back, name="record-take-back"),
    path("failed/<uuid:public_id>/send/", repairs.send, name="record-send"),
    path("failed/<uuid:public_id>/afresh/", repairs.afresh, name="record-afresh"),
    path("failed/repair/", group_repairs.new, name="repair-new"),
    path("failed/repair/<uuid:public_id>/", group_repairs.group, name="repair-group"),
    path("failed/repair/<uuid:public_id>/send/", group_repairs.send, name="repair-group-send"),
]
