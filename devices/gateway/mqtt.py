"""The MQTT door: one client towards the broker, one consumer instance per device code behind it.

Topics are `<prefix>/<code>/up/<message>` and `<prefix>/<code>/down/<message>`. The broker holds what it could not
deliver (a persistent session, QoS 1) while this process is away. Only one process of a platform reads: the one
that holds the lease in the cache, because the messages of one device belong in one consumer, in order.

A device that floods fills its own inbox; what does not fit is not kept, and is sent again by a device that waits
for an acknowledgement.
"""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache

logger = logging.getLogger(__name__)

INBOX = 256  # messages of one device that wait for its consumer
MOST_DEVICES = 20_000
RECONNECT_S, RECONNECT_MAX_S = 1.0, 30.0
LEASE_KEY, LEASE_S, LEASE_LOOK_S = "devices.mqtt.reader", 20, 5.0
IDLE_S = 900.0  # a consumer that holds no device and heard nothing for so long ends
PUBLISH_TIMEOUT_S = 5.0

Application = Callable[[dict[str, Any], Callable, Callable], Awaitable[None]]


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are there, from the settings."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: ssl.SSLContext | None
    prefix: str
    client_id: str

    @classmethod
    def from_settings(cls) -> "Broker":
        parts = urlsplit(settings.EV_MQTT_URL)
        secure = parts.scheme == "mqtts"
        tls = None
        if secure:
            tls = ssl.create_default_context(cafile=settings.EV_MQTT_CA_FILE or None)
            if settings.EV_MQTT_CERT_FILE:
                tls.load_cert_chain(settings.EV_MQTT_CERT_FILE, settings.EV_MQTT_KEY_FILE or None)
        return cls(
            host=parts.hostname or "",
            port=parts.port or (8883 if secure else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            prefix=settings.EV_MQTT_PREFIX,
            client_id=settings.EV_MQTT_CLIENT_ID,
        )

    def client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            identifier=self.client_id,
            clean_session=False,
            tls_context=self.tls,
            keepalive=30,
            timeout=PUBLISH_TIMEOUT_S,
        )


class _Device:
    """The consumer of one device code and what waits for it."""

    def __init__(self, door: "MqttDoor", code: str):
        self.door, self.code = door, code
        self.inbox: deque[dict[str, Any]] = deque()
        self.lost = 0
        self.ending: str | None = None
        self.heard_at = door.loop.time()
        self._connected = False
        self._wake = asyncio.Event()
        broker = door.broker
        scope = {
            "type": "mqtt",
            "protocol": "mqtt",
            "code": code,
            "client": [broker.host, broker.port],
            "server": [broker.host, broker.port],
        }
        self.task = door.loop.create_task(self._serve(scope), name=f"mqtt-{code}")

    def take(self, name: str, payload: bytes, *, retain: bool) -> None:
        self.heard_at = self.door.loop.time()
        if len(self.inbox) >= INBOX:
            self.lost += 1
            return
        lost, self.lost = self.lost, 0
        message = {"type": "mqtt.receive", "name": name, "payload": payload, "retain": retain}
        self.inbox.append(message | {"lost": min(lost, 10_000)} if lost else message)
        self._wake.set()

    def end(self, reason: str) -> None:
        self.ending = self.ending or reason
        self._wake.set()

    async def _serve(self, scope: dict[str, Any]) -> None:
        try:
            await self.door.application(scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("MQTT: the consumer of %s failed", self.code)
        finally:
            self.door.forget(self)

    async def _receive(self) -> dict[str, Any]:
        if not self._connected:
            self._connected = True
            return {"type": "mqtt.connect"}
        while not self.inbox and self.ending is None:
            self._wake.clear()
            await self._wake.wait()
        if self.ending is not None:
            return {"type": "mqtt.disconnect", "reason": self.ending}
        return self.inbox.popleft()

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "mqtt.send":
            await self.door.publish(self.code, message["name"], message["payload"])
        elif message["type"] == "mqtt.close":
            self.end(message.get("reason") or "closed by the platform")
        else:
            raise ValueError(f"an MQTT application cannot send {message['type']!r}")


class MqttDoor:
    """Reads the devices' topics while this process holds the lease; `start()`, `close()`."""

    name = "mqtt"

    def __init__(self, application: Application, broker: Broker):
        self.application = application
        self.broker = broker
        self.devices: dict[str, _Device] = {}
        self.connected = asyncio.Event()
        self._client: aiomqtt.Client | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="mqtt-door")
        self._reaper = asyncio.create_task(self._reap(), name="mqtt-reaper")

    async def close(self, grace_s: float = 2.0) -> None:
        """Stop reading, let the consumers finish, give the lease back."""
        self._reaper.cancel()
        tasks = [device.task for device in self.devices.values()]
        for device in list(self.devices.values()):
            device.end("gateway stopped")
        if tasks:
            _done, pending = await asyncio.wait(tasks, timeout=grace_s)
            for task in pending:
                task.cancel()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(Exception):
            await _release_lease()

    async def publish(self, code: str, name: str, payload: bytes) -> None:
        """Publish to a device, QoS 1. Raises ConnectionError while the broker is away."""
        await self._publish(f"{self.broker.prefix}/{code}/down/{name}", payload)

    async def _publish(self, topic: str, payload: bytes) -> None:
        if self._client is None:
            raise ConnectionError("the broker is away")
        try:
            await self._client.publish(topic, payload, qos=1)
        except aiomqtt.MqttError as error:
            raise ConnectionError(str(error) or "the broker did not take it") from None

    def forget(self, device: _Device) -> None:
        if self.devices.get(device.code) is device:
            del self.devices[device.code]

    async def _run(self) -> None:
        patience = RECONNECT_S
        while True:
            if not await _take_lease():
                await asyncio.sleep(LEASE_LOOK_S)
                continue
            try:
                async with self.broker.client() as client:
                    await client.subscribe(f"{self.broker.prefix}/+/up/+", qos=1)
                    logger.info("MQTT: reading %s/+/up/+ at %s", self.broker.prefix, self.broker.host)
                    self._client = client
                    self.connected.set()
                    patience = RECONNECT_S
                    await self._read(client)
            except aiomqtt.MqttError as error:
                logger.warning(
                    "MQTT: the broker at %s:%d: %s", self.broker.host, self.broker.port, error or "gone"
                )
            finally:
                self._client = None
                self.connected.clear()
            await asyncio.sleep(patience)
            patience = min(patience * 2, RECONNECT_MAX_S)

    async def _read(self, client: aiomqtt.Client) -> None:
        """Take messages until the link or the lease is lost."""
        # Devices that were let in by another process, or before a restart, say their birth again.
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(f"{self.broker.prefix}/all/down/rebirth", b"{}", qos=1)
        watch = asyncio.create_task(self._keep_lease())
        reading = asyncio.create_task(self._take_messages(client))
        try:
            done, _ = await asyncio.wait({watch, reading}, return_when=asyncio.FIRST_COMPLETED)
            if watch in done:
                logger.warning("MQTT: another gateway reads now")
                for device in list(self.devices.values()):
                    device.end("replaced by another gateway")
            if reading in done:
                reading.result()
        finally:
            for task in (watch, reading):
                task.cancel()
            await asyncio.gather(watch, reading, return_exceptions=True)

    async def _take_messages(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            try:
                self._take(str(message.topic), message.payload, retain=bool(message.retain))
            except Exception:
                logger.exception("MQTT: a message on %s was not taken", message.topic)

    def _take(self, topic: str, payload: Any, *, retain: bool) -> None:
        code, up, name = topic.removeprefix(f"{self.broker.prefix}/").split("/")
        if up != "up" or not code or len(code) > 64 or not code.isprintable():
            return
        device = self.devices.get(code)
        if device is None or device.ending is not None:
            if len(self.devices) >= MOST_DEVICES:
                return  # strangers may not fill the memory
            device = self.devices[code] = _Device(self, code)
        data = payload if isinstance(payload, bytes) else str(payload or "").encode()
        device.take(name[:64], data, retain=retain)

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(LEASE_LOOK_S)
            if not await _take_lease():
                return

    async def _reap(self) -> None:
        from devices.gateway.buffers import gateway_buffers

        while True:
            await asyncio.sleep(60)
            held = {getattr(holder, "code", None) for holder in gateway_buffers().held.values()}
            limit = self.loop.time() - IDLE_S
            for device in list(self.devices.values()):
                if device.heard_at < limit and device.code not in held:
                    device.end("silent")


@sync_to_async(thread_sensitive=False)
def _take_lease() -> bool:
    """Hold, or go on holding, the right to read; two that believe to have it are parted by the broker."""
    try:
        if cache.add(LEASE_KEY, settings.EV_NODE, LEASE_S):
            return True
        if cache.get(LEASE_KEY) != settings.EV_NODE:
            return False
        cache.set(LEASE_KEY, settings.EV_NODE, LEASE_S)
    except Exception:
        logger.warning("MQTT: the cache that holds the lease is away; what is held stays held")
    return True


@sync_to_async(thread_sensitive=False)
def _release_lease() -> None:
    if cache.get(LEASE_KEY) == settings.EV_NODE:
        cache.delete(LEASE_KEY)
