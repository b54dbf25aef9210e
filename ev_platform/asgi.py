"""The ASGI application: HTTP, WebSockets and raw TCP enter through one routing table."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")

import django

django.setup(set_prefix=False)

from ev_platform.streams import HttpApplication

http_application = HttpApplication()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from analytics import routing as analytics_routing
from billing import routing as billing_routing
from devices import routing as devices_routing
from ev_platform.websockets import unknown_path

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": URLRouter(
            [
                *devices_routing.websocket_urlpatterns,
                *billing_routing.websocket_urlpatterns,
                *analytics_routing.websocket_urlpatterns,
                re_path(r"", unknown_path),
            ]
        ),
        "tcp": devices_routing.tcp_router,
        "mqtt": devices_routing.mqtt_router,
    }
)
