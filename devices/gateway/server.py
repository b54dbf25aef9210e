"""Starts and stops the raw device listeners of a gateway process."""

import logging

from django.conf import settings

from devices.gateway.buffers import gateway_buffers
from devices.gateway.tcp import Application, AsgiTcpServer
from devices.services import presence
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)


class Listeners:
    """The running listeners of this process."""

    def __init__(self, servers: list[AsgiTcpServer]):
        self.servers = servers

    def port(self, name: str) -> int:
        return next(server.port for server in self.servers if server.name == name)

    async def close(self) -> None:
        """Close every socket, then store what the buffers hold."""
        for server in self.servers:
            await server.close()
        await gateway_buffers().close()


async def start_listeners(application: Application) -> Listeners:
    """Open the TCP ports of the settings and serve them with the ASGI application.

    Sessions that a killed process of the same node name left open are closed first.

    Raises:
        OSError: a port is taken; the message names it.
    """
    left = await in_database(presence.close_sessions_of_node, settings.EV_NODE)
    if left:
        logger.warning("%d pile sessions of an earlier run were closed", left)
    server = AsgiTcpServer(application, name="ykc", host=settings.EV_DEVICE_HOST, port=settings.EV_YKC_PORT)
    await server.start()
    logger.info("YKC piles are served on %s:%d", server.host, server.port)
    return Listeners([server])
