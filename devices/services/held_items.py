"""Smaller things that piles hold: monitors, display messages, foreign certificates, network profiles."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from devices import events
from devices.models import DeviceCommand, HeldItem
from devices.services.placing import place_of

Kind = HeldItem.Kind


def hold(
    *,
    pile: events.PileRef,
    kind: str,
    key: str,
    data: Mapping[str, Any],
    at: datetime,
    connector_no: int = 0,
) -> None:
    """Note that a pile holds a thing, in the place of one with the same key."""
    HeldItem.objects.update_or_create(
        pile_id=pile.id,
        kind=kind,
        key=key[:160],
        defaults={
            **place_of(pile),
            "connector_no": connector_no,
            "data": dict(data),
            "reported_at": at,
        },
    )


def drop(*, pile_id: int, kind: str, keys: Iterable[str] | None = None) -> None:
    """The pile holds these no longer (None: none of the kind)."""
    rows = HeldItem.objects.filter(pile_id=pile_id, kind=kind)
    (rows if keys is None else rows.filter(key__in=list(keys))).delete()


def replace_all(
    *, pile: events.PileRef, kind: str, items: Mapping[str, Mapping[str, Any]], at: datetime
) -> None:
    """The pile told everything it holds of a kind."""
    with transaction.atomic():
        drop(pile_id=pile.id, kind=kind)
        for key, data in items.items():
            hold(pile=pile, kind=kind, key=key, data=data, at=at)


def keys_of(pile_id: int, kind: str) -> list[str]:
    rows = HeldItem.objects.filter(pile_id=pile_id, kind=kind)
    return list(rows.order_by("key").values_list("key", flat=True))


def message_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted DISPLAY_MESSAGE: shown or cleared."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    params = command.params
    key = str(params.get("message_id") or command.pk)
    if params.get("action") == "clear":
        drop(pile_id=pile.id, kind=Kind.MESSAGE, keys=[key])
    elif params.get("action", "show") == "show":
        hold(pile=pile, kind=Kind.MESSAGE, key=key, data=params, at=at, connector_no=command.connector_no)


def monitor_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted MONITOR_VARIABLE that clears: the monitor is gone. One that sets reports its number itself."""
    params = command.params
    if command.state == DeviceCommand.State.ACCEPTED and params.get("action") == "clear":
        drop(pile_id=pile.id, kind=Kind.MONITOR, keys=[str(params.get("monitor_id"))])


def network_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    if command.state == DeviceCommand.State.ACCEPTED:
        secret = ("password", "apn_password", "vpn_password")
        data = {name: value for name, value in command.params.items() if name not in secret}
        hold(pile=pile, kind=Kind.NETWORK, key=str(command.params.get("slot") or 1), data=data, at=at)


def certificate_deleted(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    if command.state == DeviceCommand.State.ACCEPTED:
        serial = str(command.params.get("serial_no") or "")
        for row in HeldItem.objects.filter(pile_id=pile.id, kind=Kind.CERTIFICATE):
            if str(row.data.get("serialNumber", "")).lower() == serial.lower():
                row.delete()
