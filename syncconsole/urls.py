"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path

from integrations.web import receive

urlpatterns = [
    path("webhooks/shopify/compliance/", receive.shopify_compliance, name="shopify-compliance"),
    path("webhooks/shopify/<str:public_id>/", receive.shopify, name="shopify-webhook"),
    path("admin/", admin.site.urls),
    path("", include("integrations.web.urls")),
]
