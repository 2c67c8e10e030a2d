"""The addresses of alerts and of the ways out for them."""

from django.urls import path

from . import alert_channels, alert_rules, alerts

urlpatterns = [
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/channels/", alert_channels.channels, name="alert-channels"),
    path("alerts/channels/new/", alert_channels.new_of_operators, name="alert-channel-operators"),
    path("alerts/channels/new/<uuid:public_id>/", alert_channels.new, name="alert-channel-new"),
    path("alerts/channels/<uuid:public_id>/test/", alert_channels.test, name="alert-channel-test"),
    path(
        "alerts/channels/<uuid:public_id>/remove/",
        alert_channels.remove,
        name="alert-channel-remove",
    ),
    path("alerts/rules/<uuid:public_id>/", alert_rules.rules, name="alert-rules"),
    path("alerts/rules/<uuid:public_id>/<slug:code>/", alert_rules.rule, name="alert-rule"),
    path("alerts/<uuid:public_id>/", alerts.alert, name="alert"),
    path("alerts/<uuid:public_id>/take/", alerts.take, name="alert-take"),
]
