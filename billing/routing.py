"""WebSocket addresses of this app."""

from django.urls import path

from billing.api.live import DriverOrderConsumer

websocket_urlpatterns: list = [
    path("ws/driver/orders/<str:order_no>/", DriverOrderConsumer.as_asgi()),
]
