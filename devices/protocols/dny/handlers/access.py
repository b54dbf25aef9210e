"""Register, heartbeats, clock and the state of the host (AP3000 §3.0.1-3.1; host protocol §4.1, §4.2)."""

from decimal import Decimal
from typing import Any

from devices import events
from devices.models import DeviceCommand
from devices.protocols.dny.codec import printed_number, words
from devices.protocols.dny.held import HeldBox
from devices.services import commands, presence, status
from devices.services.samples import StoredReading
from kernel import clock
from kernel.runtime.dbpool import in_database
from stations.models import Connector

DONE = 0
IDLE_REPORTS_TO_FORGET = 2
_KIND = DeviceCommand.Kind
_STATES = {
    "free": Connector.State.IDLE,
    "charging": Connector.State.CHARGING,
    "plugged": Connector.State.OCCUPIED,
    "fault": Connector.State.FAULT,
}
_PLUGGED = {"free": False, "charging": True, "plugged": True, "fault": None}


async def register(consumer, held: HeldBox, frame, message) -> None:
    """20, at every power-up: what the box is. It also shows that a reboot was carried out."""
    fields = message.fields
    facts = {
        "firmware": f"V{Decimal(fields['firmware']) / 100:.2f}",
        "reported_model": f"DNY {fields['device_kind']:02X}" if "device_kind" in fields else "DNY",
        "serial": str(printed_number(held.pile.code)),
    }
    await in_database(presence.note_facts, pile_id=held.pile.id, facts=facts)
    await consumer.reply(frame, {"result": DONE})
    _check_ports(consumer, held, fields["ports"])
    await _answer(held, _KIND.REBOOT, 0x87)
    await _answer(held, _KIND.READ_STATUS, 0x81)


async def heartbeat(consumer, held: HeldBox, frame, message) -> None:
    """21, every three minutes: port states, passed on when they change."""
    await consumer.reply(frame, {"result": DONE})
    _check_ports(consumer, held, message.fields["ports"])
    await apply_ports(held, dict(enumerate(message.fields["states"], start=1)))
    await _answer(held, _KIND.READ_STATUS, 0x81, result={"states": message.fields["states"]})


async def old_heartbeat(consumer, held: HeldBox, frame, message) -> None:
    """01, of boxes before 20 and 21: also the power of each port, which is a sample of what charges there."""
    fields = message.fields
    at = clock.now()
    await in_database(
        presence.note_facts,
        pile_id=held.pile.id,
        facts={"firmware": f"V{Decimal(fields['firmware']) / 100:.2f}"},
    )
    for number, power in enumerate(fields["power"], start=1):
        ref = held.port(number).running_ref
        if ref:
            consumer.buffers.sample_nowait(
                StoredReading(
                    events.MeterSampled(
                        pile=held.pile,
                        connector_no=number,
                        at=at,
                        transaction_ref=ref,
                        energy_kwh=None,
                        power_kw=(power / 1000).quantize(Decimal("0.001")),
                        voltage_v=fields["voltage"],
                    ),
                    temperature_c=fields.get("temperature"),
                )
            )
    await heartbeat(consumer, held, frame, message)


async def tell_time(consumer, held: HeldBox | None, frame, message) -> None:
    """22 and 12: the platform's clock; a box asks again until it is told."""
    await consumer.reply(frame, {"time": clock.now()})


async def host_state(consumer, held: HeldBox | None, frame, message) -> None:
    """11, never answered: the SIM card is that of every box on this socket."""
    if message.fields["iccid"]:
        await consumer.note_sim(message.fields["iccid"].upper())


async def noted(consumer, held: HeldBox | None, frame, message) -> None:
    """Frames that stay in the log only and are never answered."""


async def apply_ports(held: HeldBox, states: dict[int, int]) -> None:
    """Pass on the states of ports ({connector: wire state}) that changed, in one visit to the database.

    A report that a running transaction is not charging is passed on each time until it is believed.
    """
    at = clock.now()
    news = []
    for number, code in states.items():
        word = words.port_state(code)
        memory = held.port(number)
        state = _STATES[word.state]
        ending = bool(memory.running_ref) and state != Connector.State.CHARGING
        if (memory.state, memory.slug) == (state, word.slug) and not ending:
            continue
        is_fault = word.state == "fault"
        news.append(
            {
                "pile": held.pile,
                "connector_no": number,
                "state": state,
                "at": at,
                "plugged": _PLUGGED[word.state],
                "fault_code": word.slug if is_fault else "",
                "fault_words": word.text if is_fault else "",
                "transaction_ref": memory.running_ref,
            }
        )
    if not news:
        return
    await in_database(_apply_all, news)
    for one in news:
        memory = held.port(one["connector_no"])
        memory.state, memory.plugged = one["state"], one["plugged"]
        memory.slug = words.port_state(states[one["connector_no"]]).slug
        if memory.running_ref and memory.state != Connector.State.CHARGING:
            memory.idle_reports += 1
            if memory.idle_reports >= IDLE_REPORTS_TO_FORGET:
                memory.running_ref, memory.idle_reports = "", 0
        else:
            memory.idle_reports = 0


def _apply_all(news: list[dict[str, Any]]) -> None:
    for one in news:
        status.apply_status(**one)


def _check_ports(consumer, held: HeldBox, ports: int) -> None:
    if ports != held.connectors:
        held.connectors = ports  # told once
        consumer.count(held, "port_count_differs")


async def _answer(held: HeldBox, kind: str, command: int, *, result: dict | None = None) -> None:
    """End an open command that this frame answers; only a box that was asked pays for the look."""
    asked = [key for key in held.pending if key[0] == command]
    if not asked:
        return
    for key in asked:
        held.answered(*key)
    await in_database(_complete_open, held.pile.id, kind, result)


def _complete_open(pile_id: int, kind: str, result: dict | None) -> None:
    for command in commands.recent_commands(pile_id=pile_id, kinds=(kind,)):
        if command.is_open:
            commands.complete_command(
                command_id=command.pk, state=DeviceCommand.State.ACCEPTED, result=result
            )
