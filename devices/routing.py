"""Where device connections go: raw TCP by the listener's protocol, OCPP by its path."""

from django.urls import re_path

from devices.protocols.dny.consumer import DnyConsumer
from devices.protocols.mqtt.consumer import MqttConsumer
from devices.protocols.ocpp16.dialect import OCPP16
from devices.protocols.ocpp201.dialect import OCPP201
from devices.protocols.ocppj.consumer import OcppConsumer
from devices.protocols.ykc.consumer import YkcConsumer

_TCP = {"ykc": YkcConsumer.as_asgi(), "dny": DnyConsumer.as_asgi()}


async def tcp_router(scope, receive, send) -> None:
    """Hand a `tcp` connection to the consumer of its listener's protocol."""
    await _TCP[scope["protocol"]](scope, receive, send)


# One instance per device code, fed by the door of the gateway process (devices/gateway/mqtt.py).
mqtt_router = MqttConsumer.as_asgi()

# One address for every version: the pile's registered protocol chooses.
_OCPP = OcppConsumer.as_asgi(dialects=(OCPP16, OCPP201))

websocket_urlpatterns = [re_path(r"^ocpp/(?P<code>[^/]+)/?$", _OCPP)]
