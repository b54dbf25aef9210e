"""What the answer to a command changes here: the rows that say what a pile holds.

Runs in the transaction that stores the answer, before the floors above hear of it. What cannot be read never
undoes the answer itself.
"""

from collections.abc import Callable
from datetime import datetime

from devices import events
from devices.models import DeviceCommand, HeldItem
from devices.services import (
    certificates,
    firmware,
    held_items,
    local_lists,
    profiles,
    reservations,
    uploads,
    variables,
)

Effect = Callable[[events.PileRef, DeviceCommand, datetime], None]
_K = DeviceCommand.Kind


def _certificate_taken(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    if command.state == DeviceCommand.State.ACCEPTED and command.params.get("certificate_id"):
        certificates.mark_installed(certificate_id=command.params["certificate_id"], at=at)


EFFECTS: dict[str, Effect] = {
    _K.RESERVE: reservations.reserve_answered,
    _K.CANCEL_RESERVATION: reservations.cancel_answered,
    _K.SET_CHARGING_PROFILE: profiles.set_answered,
    _K.SET_POWER_LIMIT: profiles.set_answered,
    _K.CLEAR_CHARGING_PROFILE: profiles.clear_answered,
    _K.GET_CHARGING_SCHEDULE: profiles.schedule_answered,
    _K.SYNC_CARDS: local_lists.sync_answered,
    _K.CLEAR_CARDS: local_lists.clear_answered,
    _K.CHANGE_CONFIGURATION: variables.change_answered,
    _K.UPDATE_FIRMWARE: firmware.update_answered,
    _K.UPLOAD_LOG: uploads.ask_answered,
    _K.SEND_CERTIFICATE: _certificate_taken,
    _K.DELETE_CERTIFICATE: held_items.certificate_deleted,
    _K.DISPLAY_MESSAGE: held_items.message_answered,
    _K.MONITOR_VARIABLE: held_items.monitor_answered,
    _K.SET_NETWORK_PROFILE: held_items.network_answered,
}
# YKC piles hold single cards; their limits and updates are kept where they are answered.
YKC_EFFECTS: dict[str, Effect] = dict.fromkeys(
    (_K.SYNC_CARDS, _K.CLEAR_CARDS, _K.QUERY_CARDS), local_lists.cards_answered
)
# Protocols whose answers mean what these effects say; the rest keep lists and limits of their own kind.
_PROTOCOLS = frozenset({"ocpp16", "ocpp201"})


def apply(event: events.CommandAnswered) -> None:
    """Store what an answer says of its pile."""
    pile, command, at, facts = event.pile, event.command, event.at, event.facts
    if pile.protocol == "ykc" and command.kind in YKC_EFFECTS:
        YKC_EFFECTS[command.kind](pile, command, at)
    if pile.protocol not in _PROTOCOLS:
        return
    effect = EFFECTS.get(command.kind)
    if effect is not None:
        effect(pile, command, at)
    if "variables" in facts:
        variables.store(pile=pile, variables=facts["variables"], at=at, request_id=command.pk)
    if "version" in facts:
        local_lists.version_answered(pile, at, facts["version"])
    if "certificates" in facts:
        items = {str(one["key"]): one["data"] for one in facts["certificates"]}
        held_items.replace_all(pile=pile, kind=HeldItem.Kind.CERTIFICATE, items=items, at=at)
    for monitor in facts.get("monitors", ()):
        held_items.hold(
            pile=pile, kind=HeldItem.Kind.MONITOR, key=str(monitor["key"]), data=monitor["data"], at=at
        )
