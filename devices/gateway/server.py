"""Starts and stops the raw device listeners of a gateway process."""

import logging

from django.conf import settings

from devices.gateway.buffers import gateway_buffers
from devices.gateway.mqtt import Broker, MqttDoor
from devices.gateway.tcp import Application, AsgiTcpServer
from devices.services import presence
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)


PORT_SETTINGS = {"ykc": "EV_YKC_PORT", "dny": "EV_DNY_PORT"}


class ListenerFailed(Exception):
    """A device port cannot be opened; `setting` names what moves it."""

    def __init__(self, setting: str, port: int, error: OSError):
        super().__init__(f"{setting}={port}: {error}")
        self.setting, self.port, self.error = setting, port, error


class Listeners:
    """The running listeners of this process."""

    def __init__(self, servers: list[AsgiTcpServer], door: MqttDoor | None = None):
        self.servers = servers
        self.door = door

    @property
    def names(self) -> list[str]:
        return [server.name for server in self.servers]

    def port(self, name: str) -> int:
        return next(server.port for server in self.servers if server.name == name)

    async def close(self) -> None:
        """Close every socket, then store what the buffers hold."""
        if self.door is not None:
            await self.door.close()
        for server in self.servers:
            await server.close()
        await gateway_buffers().close()


async def start_listeners(application: Application) -> Listeners:
    """Open the TCP ports of the settings and serve them with the ASGI application.

    Sessions that a killed process of the same node name left open are closed first.

    Raises:
        ListenerFailed: a port is taken; those that were open are closed again.
    """
    left = await in_database(presence.close_sessions_of_node, settings.EV_NODE)
    if left:
        logger.warning("%d pile sessions of an earlier run were closed", left)
    servers: list[AsgiTcpServer] = []
    for name, setting in PORT_SETTINGS.items():
        port = getattr(settings, setting)
        server = AsgiTcpServer(application, name=name, host=settings.EV_DEVICE_HOST, port=port)
        try:
            await server.start()
        except OSError as error:
            await Listeners(servers).close()
            raise ListenerFailed(setting, port, error) from error
        logger.info("%s piles are served on %s:%d", name.upper(), server.host, server.port)
        servers.append(server)
    door = None
    if settings.EV_MQTT_URL:
        door = MqttDoor(application, Broker.from_settings())
        await door.start()
    return Listeners(servers, door)
