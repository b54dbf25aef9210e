"""WebSocket addresses of this app."""

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from analytics.consumers import BoardConsumer
from analytics.live_orders_socket import LiveOrdersConsumer

websocket_urlpatterns: list = [
    path("ws/console/board/", AllowedHostsOriginValidator(AuthMiddlewareStack(BoardConsumer.as_asgi()))),
    path(
        "ws/console/orders/", AllowedHostsOriginValidator(AuthMiddlewareStack(LiveOrdersConsumer.as_asgi()))
    ),
]
