"""Orders of sessions that began while nobody could be asked: opened when their record arrives.

Which of them there may be says the mode matrix, by the pile's charge mode without a link and by how the record says
it was started. A free one needs no payer; for a billed one a payer must be found by what the record names: its card
or its VIN. What a card should not have done (blocked, above its daily limits, at a foreign station) waits for a person.
"""

from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from billing.models import ChargingOrder, TariffVersion
from billing.pricing import REVIEW, Finding
from billing.services import covers, paying
from billing.services.order_states import note
from billing.services.orders import new_order_no
from billing.services.paying import Party, party_of_vehicle
from billing.services.tariffs import profile_on, snapshot_of, version_in_force
from devices.models import TransactionRecord
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Connector, Pile
from stations.modes import Method, Mode
from stations.services.modes import require_method
from users.models import Card
from users.services.cards import find_card, is_valid_on
from users.services.vehicles import find_vehicle

START = ChargingOrder.StartMethod
# What a record says of its start; «code» is a session of the platform's own and must have had an order.
_WAYS = {
    "card": (Method.CARD, START.OFFLINE_CARD),
    "offline_card": (Method.CARD, START.OFFLINE_CARD),
    "vin": (Method.VIN, START.VIN),
    "plug": (Method.PLUG, START.PLUG),
    "free": (Method.PLUG, START.PLUG),  # a box that is set to charge whatever is plugged in
}

CAPPED = (Card.Kind.OFFLINE, Card.Kind.ONLINE)


def party_of_record(record: TransactionRecord) -> Party | None:
    """Who pays for a record without an order: the holder of its card, or of its vehicle; None when nobody does."""
    if record.start_method == "vin":
        vehicle = find_vehicle(str(record.payload.get("vin", "")))
        return None if vehicle is None else party_of_vehicle(vehicle)
    # A reader's number as the pile sent it; `id_tag` may have lost what looks like padding.
    card = find_card(str(record.payload.get("physical_card") or record.id_tag))
    if card is None or card.state == Card.State.STOCK:
        return None
    return paying.party_of_card(card)


def against(party: Party, record: TransactionRecord, connector: Connector) -> list[Finding]:
    """What a person has to look at before this party pays for the record."""
    station, card, found = connector.station, party.card, []
    if party.driver is not None and party.driver.is_frozen:
        found.append(Finding("payer_blocked", REVIEW, {}))
    if party.payer.column == "enterprise_id" and not paying.enterprise_pays_at(party.enterprise, station):
        found.append(Finding("payer_not_here", REVIEW, {}))
    if card is None:
        return found
    day = record.started_at.astimezone(ZoneInfo(station.time_zone)).date()
    blocked = card.state != Card.State.ACTIVE and (
        card.state_changed_at is None or record.started_at >= card.state_changed_at
    )
    if blocked or not is_valid_on(card, day):
        found.append(Finding("payer_blocked", REVIEW, {}))
    if party.payer.column == "card_id" and card.operator_id != station.operator_id:
        found.append(Finding("payer_not_here", REVIEW, {}))
    if card.kind in CAPPED and _above_caps(card, record, station.time_zone):
        found.append(Finding("card_daily_cap", REVIEW, {}))
    return found


def _above_caps(card: Card, record: TransactionRecord, zone: str) -> bool:
    """Whether the record takes a card above what it may charge in a day without the platform."""
    times, minutes, kwh = covers.used_of_day(card, record.started_at, zone)
    lasted = covers.minutes_between(record.started_at, record.ended_at)
    return (
        (card.daily_times is not None and times + 1 > card.daily_times)
        or (card.daily_minutes is not None and minutes + lasted > card.daily_minutes)
        or (card.daily_energy_kwh is not None and kwh + (record.energy_kwh or 0) > card.daily_energy_kwh)
    )


def way_of(record: TransactionRecord) -> tuple[Method, str] | None:
    """(method, start method) of a session that the pile began by itself; None when it cannot have."""
    if record.start_method:
        return _WAYS.get(record.start_method)
    return _WAYS["offline_card" if record.id_tag else "plug"]


def open_from_record(*, actor: Actor, record: TransactionRecord) -> int | None:
    """Open the order of a record that has none, waiting for that record; its id, or None when there may be none.

    None leaves the record to a person: the matrix refuses the way it was started, nobody is known to pay, or the
    pile has no such connector or no tariff at that time.
    """
    way = way_of(record)
    if way is None or record.started_at is None:
        return None
    method, start_method = way
    try:
        mode = require_method(pile=record.pile, method=method, linked=False)
    except DomainError:
        return None
    party = party_of_record(record)
    if party is None and mode != Mode.OFFLINE_FREE:
        return None
    connector = (
        Connector.objects.unscoped("a pile reports its own connector")
        .select_related("station")
        .filter(pile_id=record.pile_id, number=record.connector_no)
        .first()
    )
    version = version_in_force(pile=record.pile, at=record.started_at)
    if connector is None or version is None:
        return None
    return _create(record, connector, version, party, start_method, mode, actor)


def _create(
    record: TransactionRecord,
    connector: Connector,
    version: TariffVersion,
    party: Party | None,
    start_method: str,
    mode: Mode,
    actor: Actor,
) -> int | None:
    zone, free = connector.station.time_zone, mode == Mode.OFFLINE_FREE
    # A pile that prices itself knows one day at a time: that of the day it began on.
    own = record.pile.protocol == Pile.Protocol.YKC
    snapshot = snapshot_of(
        version,
        zone=zone,
        at=record.started_at,
        profile=profile_on(version, zone=zone, at=record.started_at) if own else None,
        free=free,
    )
    payer: dict[str, Any] = {}
    if party is not None:
        payer = {
            "driver": party.driver,
            "payer_kind": party.payer.kind,
            "enterprise": party.enterprise,
            "card": party.card,
            "vin": party.vin,
            "cover": ChargingOrder.Cover.NONE if free else paying.cover_of_record(party),
            "review_reasons": [] if free else [f.to_json() for f in against(party, record, connector)],
        }
    try:
        with transaction.atomic():
            order = ChargingOrder.objects.create(
                order_no=new_order_no(clock.now()),
                operator_id=record.operator_id,
                station_id=record.station_id,
                pile_id=record.pile_id,
                connector=connector,
                start_method=start_method,
                charge_mode=mode,
                state=ChargingOrder.State.FINISHING,
                transaction_ref=record.transaction_ref,
                id_tag=record.id_tag,
                tariff_version=version,
                tariff_snapshot=snapshot.to_json(),
                created_at=record.started_at,
                started_at=record.started_at,
                **payer,
            )
            note(order, "opened_by_record", actor, {"record": record.pk}, to_state=order.state)
    except IntegrityError:
        return None  # the number is taken
    return order.pk
