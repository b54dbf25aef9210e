"""Starts and stops the raw device listeners of a gateway process."""

import asyncio
import logging
import ssl

from django.conf import settings

from devices.gateway.buffers import gateway_buffers
from devices.gateway.mqtt import Broker, MqttDoor
from devices.gateway.tcp import Application, AsgiTcpServer
from devices.services import nodes, presence
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)


PORT_SETTINGS = {"ykc": "EV_YKC_PORT", "dny": "EV_DNY_PORT"}
TLS_PORT_SETTINGS = {"ykc": "EV_YKC_TLS_PORT", "dny": "EV_DNY_TLS_PORT"}


class ListenerFailed(Exception):
    """A device port cannot be opened; `setting` names what moves it."""

    def __init__(self, setting: str, port: int, error: OSError):
        super().__init__(f"{setting}={port}: {error}")
        self.setting, self.port, self.error = setting, port, error


class NameTaken(Exception):
    """`EV_NODE` belongs to another live process."""


class Listeners:
    """The running listeners of this process."""

    def __init__(self, servers: list[AsgiTcpServer], boot_id: str = "", door: MqttDoor | None = None):
        self.servers = servers
        self.boot_id = boot_id
        self.door = door

    @property
    def names(self) -> list[str]:
        """Protocols that are served without TLS."""
        return [server.name for server in self.servers if server.tls is None]

    def port(self, name: str, *, tls: bool = False) -> int:
        return next(one.port for one in self.servers if one.name == name and (one.tls is not None) == tls)

    async def close(self) -> None:
        """Close every socket, then store what the buffers hold."""
        if self.door is not None:
            await self.door.close()
        for server in self.servers:
            await server.close()
        await gateway_buffers().close()
        if self.boot_id:
            await in_database(nodes.leave, name=settings.EV_NODE, boot_id=self.boot_id)


async def start_listeners(application: Application, tls: ssl.SSLContext | None = None) -> Listeners:
    """Open the TCP ports of the settings and serve them with the ASGI application.

    Sessions that a killed process of the same node name left open are closed first. `tls` serves the TLS ports of
    the settings.

    Raises:
        NameTaken: another live process is the gateway of this name.
        ListenerFailed: a port is taken; those that were open are closed again.
    """
    boot_id = nodes.new_boot_id()
    await _take_name(boot_id)
    gateway_buffers().boot_id = boot_id
    left = await in_database(presence.close_sessions_of_node, settings.EV_NODE)
    if left:
        logger.warning("%d pile sessions of an earlier run were closed", left)
    servers: list[AsgiTcpServer] = []
    ports = [(name, setting, None) for name, setting in PORT_SETTINGS.items()]
    ports += [(name, setting, tls) for name, setting in TLS_PORT_SETTINGS.items() if tls is not None]
    for name, setting, context in ports:
        port = getattr(settings, setting)
        if port is None:
            continue
        server = AsgiTcpServer(application, name=name, host=settings.EV_DEVICE_HOST, port=port, tls=context)
        try:
            await server.start()
        except OSError as error:
            await Listeners(servers, boot_id).close()
            raise ListenerFailed(setting, port, error) from error
        over = "TLS" if context is not None else "TCP"
        logger.info("%s piles are served over %s on %s:%d", name.upper(), over, server.host, server.port)
        servers.append(server)
    door = None
    if settings.EV_MQTT_URL:
        door = MqttDoor(application, Broker.from_settings())
        await door.start()
    gateway_buffers().start()
    return Listeners(servers, boot_id, door)


async def _take_name(boot_id: str) -> None:
    """Take this process's node name; a namesake that may have been killed gets time to show that it lives."""
    deadline = asyncio.get_running_loop().time() + nodes.ALIVE_S + 1
    alive_at = None
    while True:
        try:
            await in_database(nodes.take_name, name=settings.EV_NODE, boot_id=boot_id)
            return
        except nodes.NodeTaken as taken:
            speaks = alive_at is not None and taken.row.alive_at > alive_at
            if speaks or asyncio.get_running_loop().time() > deadline:
                raise NameTaken(str(taken)) from None
            if alive_at is None:
                logger.warning("EV_NODE=%s: %s; waiting whether it still lives", settings.EV_NODE, taken)
            alive_at = taken.row.alive_at
        await asyncio.sleep(1.0)
