"""WebSocket addresses of this app."""

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from analytics.consumers import BoardConsumer

websocket_urlpatterns: list = [
    path("ws/console/board/", AllowedHostsOriginValidator(AuthMiddlewareStack(BoardConsumer.as_asgi()))),
]
