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


def reported(
    *,
    pile: events.PileRef,
    kind: str,
    items: Mapping[str, Mapping[str, Any]],
    at: datetime,
    request_id: int | None = None,
    complete: bool = True,
) -> None:
    """A pile told (part of) what it holds; `connector_no` in an item's data is its connector.

    At the end of a report of all of it, what the pile did not name since it was asked is gone.
    """
    with transaction.atomic():
        for key, data in items.items():
            number = int(data.get("connector_no") or 0)
            hold(pile=pile, kind=kind, key=key, data=data, at=at, connector_no=number)
        asked = asked_by(pile.id, request_id)
        if complete and asked is not None and not asked.params.get("key"):
            HeldItem.objects.filter(
                pile_id=pile.id, kind=kind, reported_at__lt=asked.sent_at or asked.created_at
            ).delete()


def asked_by(pile_id: int, request_id: int | None) -> DeviceCommand | None:
    """The command that a report answers; None for one that the platform did not ask for."""
    if request_id is None or not 0 < request_id < 2**63:
        return None
    return DeviceCommand.objects.filter(pk=request_id, pile_id=pile_id).first()


def keys_of(pile_id: int, kind: str) -> list[str]:
    rows = HeldItem.objects.filter(pile_id=pile_id, kind=kind)
    return list(rows.order_by("key").values_list("key", flat=True))


def message_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted DISPLAY_MESSAGE: shown or cleared; a list with nothing to follow is empty."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    params = command.params
    key = str(params.get("message_id") or command.pk)
    if params.get("action") == "clear":
        drop(pile_id=pile.id, kind=Kind.MESSAGE, keys=[key])
    elif params.get("action") == "list" and command.reason:
        drop(pile_id=pile.id, kind=Kind.MESSAGE)
    elif params.get("action", "show") == "show":
        hold(pile=pile, kind=Kind.MESSAGE, key=key, data=params, at=at, connector_no=command.connector_no)


def monitor_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted MONITOR_VARIABLE that clears: the monitor is gone. One that sets reports its number itself.

    A report of all monitors with nothing to follow says that there is none.
    """
    params, action = command.params, command.params.get("action")
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    if action == "clear":
        drop(pile_id=pile.id, kind=Kind.MONITOR, keys=[str(params.get("monitor_id"))])
    elif action == "report" and command.reason and not params.get("key"):
        drop(pile_id=pile.id, kind=Kind.MONITOR)


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
