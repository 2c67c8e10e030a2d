"""The addresses of everything about logins."""

from django.urls import path

from . import answers, connect, connections, reconnects

urlpatterns = [
    path("connect/", connect.connect, name="connect"),
    path("connect/shopify/answer/", answers.shopify, name="shopify-answer"),
    path("connect/klaviyo/answer/", answers.klaviyo, name="klaviyo-answer"),
    path("connected/<uuid:public_id>/", answers.connected, name="connected"),
    path("merchants/<uuid:public_id>/connect/", connect.merchant_connect, name="merchant-connect"),
    path("merchants/<uuid:public_id>/connect/klaviyo/", connect.klaviyo, name="connect-klaviyo"),
    path(
        "merchants/<uuid:public_id>/connect/klaviyo/key/",
        connect.klaviyo_key,
        name="connect-klaviyo-key",
    ),
    path("merchants/<uuid:public_id>/connect/shop/", connect.shop, name="connect-shop"),
    path("stores/<uuid:public_id>/connection/", connections.of_store, name="store-connection"),
    path("stores/<uuid:public_id>/connection/check/", connections.check_store, name="store-check"),
    path(
        "stores/<uuid:public_id>/connection/disconnect/",
        connections.disconnect_store,
        name="store-disconnect",
    ),
    path("stores/<uuid:public_id>/connection/test/", connections.send_test, name="store-test"),
    path("stores/<uuid:public_id>/catch-up/", connections.catch_up, name="store-catch-up"),
    path("tests/<uuid:public_id>/", connections.path_test, name="path-test"),
    path("stores/<uuid:public_id>/reconnect/", reconnects.start_store, name="store-reconnect"),
    path(
        "accounts/<uuid:public_id>/connection/",
        connections.of_account,
        name="account-connection",
    ),
    path(
        "accounts/<uuid:public_id>/connection/check/",
        connections.check_account,
        name="account-check",
    ),
    path(
        "accounts/<uuid:public_id>/connection/disconnect/",
        connections.disconnect_account,
        name="account-disconnect",
    ),
    path(
        "accounts/<uuid:public_id>/reconnect/", reconnects.start_account, name="account-reconnect"
    ),
    path("reconnects/<uuid:public_id>/", reconnects.reconnect, name="reconnect"),
    path("reconnects/<uuid:public_id>/let-go/", reconnects.let_go, name="reconnect-let-go"),
    path("reconnects/<uuid:public_id>/sign-in/", reconnects.sign_in, name="reconnect-sign-in"),
    path("reconnects/<uuid:public_id>/key/", reconnects.enter_key, name="reconnect-key"),
    path("reconnects/<uuid:public_id>/carry-on/", reconnects.carry_on, name="reconnect-carry-on"),
    path("reconnects/<uuid:public_id>/catch-up/", reconnects.catch_up, name="reconnect-catch-up"),
    path("reconnects/<uuid:public_id>/give-up/", reconnects.give_up, name="reconnect-give-up"),
]
