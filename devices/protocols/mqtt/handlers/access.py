"""Birth, last will and heartbeat (docs/protocols/mqtt.md, «Presence»)."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.hashers import check_password

from devices.gateway.throttle import Throttle
from devices.protocols.mqtt.held import HeldDevice
from devices.services import commissioning, references
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

HEARTBEAT_S = 60
FACTS = {
    "vendor": "vendor",
    "model": "reported_model",
    "firmware": "firmware",
    "serial": "serial",
    "iccid": "iccid",
}
_hashing = ThreadPoolExecutor(1, thread_name_prefix="ev-mqtt-passwords")
_listing = Throttle(rate=5, burst=50)  # strangers may not keep the database busy
_guesses: dict[int, Throttle] = {}  # per registered pile


async def birth(consumer, body: Mapping[str, Any]) -> None:
    """Let a registered device in that shows its password; the same birth again gets the same welcome."""
    held = consumer.held
    if held is not None and held.connection == body["connection"]:
        await _welcome(consumer, held)
        return
    pile = await in_database(references.pile_by_any_protocol, consumer.code)
    reason = ""
    if pile is None:
        reason = "unknown"
    elif pile.protocol != consumer.protocol:
        reason = "other_protocol"
    elif not await _password_fits(pile.pk, pile.password, body["password"]):
        reason = "bad_password"
    if reason:
        await _refuse(consumer, body, reason)
        return
    facts = {field: body[name] for name, field in FACTS.items() if name in body}
    opened = await consumer.open_session(pile.pk, facts)
    held = HeldDevice(
        pile=opened.pile,
        session_id=opened.session_id,
        session_key=secrets.token_urlsafe(16),
        connection=body["connection"],
        connectors=frozenset(opened.connectors),
    )
    consumer.hold(held)
    if "ports" in body and body["ports"] != len(opened.connectors):
        consumer.count(held, "port_count_differs")
    await _welcome(consumer, held)


async def will(consumer, body: Mapping[str, Any]) -> None:
    """The broker says that the device is gone; only the will of the connection that is held counts."""
    await consumer.drop(consumer.held, "disconnected")


async def heartbeat(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """Any message keeps a device online; this one says nothing else."""
    held.heard_at = clock.now()


async def _welcome(consumer, held: HeldDevice) -> None:
    welcome = {"session": held.session_key, "heartbeat_s": HEARTBEAT_S, "at": clock.now().isoformat()}
    await consumer.transmit("welcome", welcome)


async def _refuse(consumer, body: Mapping[str, Any], reason: str) -> None:
    logger.warning("MQTT: %s refused: %s", consumer.code, reason)
    if _listing.allow():
        login = {name: body[name] for name in (*FACTS, "ports") if name in body}
        await in_database(
            commissioning.note_unknown_pile,
            code=consumer.code,
            protocol=consumer.protocol,
            remote_address=consumer.remote,
            login=login,
            reason=reason,
        )
    await consumer.transmit("refused", {"reason": reason})


async def _password_fits(pile_id: int, stored: str, shown: str) -> bool:
    """Check a password on a thread of its own; a pile that is guessed at is asked more and more slowly."""
    guesses = _guesses.setdefault(pile_id, Throttle(rate=0.2, burst=10))
    if not stored or not guesses.allow():
        return False
    fits = await asyncio.get_running_loop().run_in_executor(_hashing, check_password, shown, stored)
    if fits:
        _guesses.pop(pile_id, None)
    return fits
