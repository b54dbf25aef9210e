"""The MQTT consumer: one instance per device code, fed by the door of this process (`devices.gateway.mqtt`).

A device is let in by its birth, which shows its password; the welcome names a session that every later message
must show. Whoever may publish under a foreign code but cannot read what is sent to it gets no further.
Messages of one device are handled in order; a malformed one is counted, kept raw and answered when it has an id.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from channels.exceptions import StopConsumer

from devices.gateway.pile_consumer import PileConsumer, to_json
from devices.gateway.throttle import Throttle
from devices.models import DeviceCommand, FrameLog
from devices.protocols.mqtt import contract, downlink
from devices.protocols.mqtt.contract import BadMessage
from devices.protocols.mqtt.handlers import HANDLERS, access
from devices.protocols.mqtt.held import HeldDevice
from kernel import clock

logger = logging.getLogger(__name__)

MESSAGES_PER_S, REPLAY_BURST = 20, 500  # what one device may say; a replay after an outage is no flood
REBIRTH_EVERY_S = 5.0
LATE, EARLY = (
    timedelta(days=30),
    timedelta(minutes=5),
)  # a time outside is the device's clock, not the message's
SHOWN_OF_BAD = 2_000


class MqttConsumer(PileConsumer[HeldDevice]):
    """Channels consumer of `scope["type"] == "mqtt"`; `scope["code"]` is the device of the topic."""

    protocol = "mqtt"

    def __init__(self) -> None:
        super().__init__()
        self._throttle = Throttle(rate=MESSAGES_PER_S, burst=REPLAY_BURST)
        self._asked_for_birth = 0.0

    async def mqtt_connect(self, message: dict) -> None:
        self.code = self.scope["code"]
        self.begin("{}:{}".format(*self.scope["client"]))

    async def mqtt_disconnect(self, message: dict) -> None:
        await self.end(message.get("reason") or "disconnected")
        raise StopConsumer

    async def close(self, reason: str) -> None:
        await self.send({"type": "mqtt.close", "reason": reason})

    @property
    def held(self) -> HeldDevice | None:
        return self.piles.get(self.code)

    # --- messages in ----------------------------------------------------------

    async def mqtt_receive(self, message: dict) -> None:
        delay = self._throttle.delay()
        if delay:
            # Only this device waits: its inbox fills and what does not fit is not kept (see the door).
            self.count(self.held, "throttled")
            await asyncio.sleep(delay)
        for _ in range(message.get("lost", 0)):
            self.count(self.held, "flood")
        name, payload = message["name"], message["payload"]
        body: dict[str, Any] = {}
        try:
            body = contract.parse(payload)
            kind = contract.UP.get(name)
            if kind is None:
                raise BadMessage("unknown_message", text=f"{name} is not in the contract")
            if message.get("retain"):
                raise BadMessage("retained", text="retained messages are stale and not taken")
            checked, left_out = contract.check(kind, body)
        except BadMessage as error:
            await self._refuse_message(name, payload, body, error)
            return
        self._log_message(FrameLog.Direction.IN, name, payload, body)
        for _name in left_out:
            self.count(self.held, "property_left_out")
        await self._handle(name, checked, body)

    async def _handle(self, name: str, body: dict[str, Any], raw: Mapping[str, Any]) -> None:
        if name == "birth":
            await self.attempt(name, lambda: access.birth(self, body))
            return
        held = self.held
        if name == "will":
            if held is not None and held.connection == body["connection"]:
                await self.attempt(name, lambda: self.drop(held, "disconnected"))
            return
        if held is None or not _same(held.session_key, body["session"]):
            await self.ask_for_birth("no_session")
            return
        if not await self.still_ours(held):
            return
        self.buffers.seen(held.pile.id)
        message_id = body.get("id")
        if message_id is not None and (known := held.answered.get(message_id)) is not None:
            self.count(held, "redelivered")
            await self.transmit(*known)
            return
        answer: dict[str, Any] = {}

        async def work() -> None:
            answer["body"] = await HANDLERS[name].function(self, held, body, raw)

        if await self.attempt(name, work) and message_id is not None:
            reply = ("ack", {"id": message_id, "of": name, "ok": True})
            if answer["body"] is not None:
                reply = ("decision", {"id": message_id, **answer["body"]})
            held.remember(message_id, *reply)
            await self.transmit(*reply)

    async def ask_for_birth(self, reason: str) -> None:
        """The session of this device is not known here (any more); asked for at most every few seconds."""
        now = asyncio.get_running_loop().time()
        if now >= self._asked_for_birth:
            self._asked_for_birth = now + REBIRTH_EVERY_S
            await self.transmit("rebirth", {"reason": reason})

    async def _refuse_message(
        self, name: str, payload: bytes, body: Mapping[str, Any], error: BadMessage
    ) -> None:
        held = self.held
        self.count(held, error.reason)
        self._log_message(FrameLog.Direction.IN, name, payload, None, error=f"{error.where} {error}".strip())
        message_id = body.get("id")
        if (
            held is not None
            and isinstance(message_id, str)
            and 0 < len(message_id) <= 64
            and _same(held.session_key, body.get("session"))
        ):
            nack = {"id": message_id, "of": name[:32], "ok": False, "reason": error.reason}
            await self.transmit("ack", nack | ({"where": error.where[:200]} if error.where else {}))

    def moment(self, body: Mapping[str, Any], name: str = "at") -> datetime:
        """When a message says it happened; the platform's time where it says nothing or nothing possible."""
        return self.moment_or_none(body, name) or clock.now()

    def moment_or_none(self, body: Mapping[str, Any], name: str) -> datetime | None:
        if name not in body:
            return None
        value = moment_of(body[name])
        now = clock.now()
        if value is None or not now - LATE <= value <= now + EARLY:
            self.count(self.held, "clock_off")
            return None
        return value

    # --- messages out ---------------------------------------------------------

    async def transmit(self, name: str, body: Mapping[str, Any]) -> None:
        """Publish a message; one that cannot leave is not kept, the device asks or sends again."""
        try:
            await self._publish(name, body)
        except ConnectionError as error:
            logger.warning("MQTT: %s to %s was not sent: %s", name, self.code, error)

    async def send_command_frame(self, command: DeviceCommand) -> None:
        await self._publish(*downlink.message_of(command))

    async def _publish(self, name: str, body: Mapping[str, Any]) -> None:
        payload = json.dumps(body, ensure_ascii=False, default=_number).encode()
        self._log_message(FrameLog.Direction.OUT, name, payload, body)
        await self.send({"type": "mqtt.send", "name": name, "payload": payload})

    def _log_message(
        self, direction: str, name: str, payload: bytes, body: Mapping[str, Any] | None, *, error: str = ""
    ) -> None:
        port = (body or {}).get("port")
        text = payload.decode("utf-8", "replace")
        shown = {key: value for key, value in (body or {}).items() if key not in ("password", "session")}
        secret = body is None or len(shown) != len(body)
        self.log(
            text[:SHOWN_OF_BAD]
            if error
            else (json.dumps(to_json(shown), ensure_ascii=False) if secret else text),
            name if name in contract.UP or name in contract.DOWN else f"?? {name}",
            self.held,
            shown or None,
            code=self.code,
            connector_no=port if isinstance(port, int) and 0 < port <= contract.MOST_PORTS else None,
            transaction_ref=str((body or {}).get("transaction") or "")[:64],
            direction=direction,
            error=error,
        )


def _same(expected: str, shown: Any) -> bool:
    return isinstance(shown, str) and hmac.compare_digest(expected.encode(), shown.encode("utf-8", "replace"))


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def moment_of(value: Any) -> datetime | None:
    """RFC 3339 with an offset, or whole seconds since 1970; None when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None
