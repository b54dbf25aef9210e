"""Transactions that the platform numbers (OCPP 1.6 StartTransaction and StopTransaction)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, DeviceTransaction
from devices.services import reservations

ACCEPTED, INVALID = "accepted", "invalid"
START_COMMANDS_LOOKED_AT = 50

# What a start that was refused says of its tag (`events.START_REFUSALS`); the rest are blocked.
_REFUSED = {
    "no_account": "invalid",
    "vin_unknown": "invalid",
    "wrong_password": "invalid",
    "no_card_support": "invalid",
    "unsettled_record": "concurrent",
}


@dataclass(frozen=True, slots=True)
class StartedTransaction:
    """The number the pile gets, and whether its tag may charge (accepted, invalid, blocked …).

    `repeated` says that the start had been stored before.
    """

    number: int
    authorization: str
    repeated: bool = False


def authorize(*, pile: events.PileRef, connector_no: int, id_tag: str, at: datetime) -> str:
    """Ask the floors above about a tag; `invalid` when nobody vouches for it."""
    with transaction.atomic():
        answers = events.publish(
            events.AuthorizationRequested(pile=pile, connector_no=connector_no, at=at, id_tag=id_tag)
        )
    return answers[0].status if answers else INVALID


def claim_tag(
    *,
    pile: events.PileRef,
    connector_no: int,
    id_tag: str,
    at: datetime,
    transaction_ref: str,
    begins: bool = True,
) -> str:
    """Whether the tag of a transaction that begins may charge; runs in the transaction that stores it.

    A tag that a start command carried is that of its order, and its order answers. Any other tag is a card at
    the pile: `StartRequested` lets the floor that knows cards open the order, and its decision is the answer.
    What has ended already (`begins` false) opens none: its tag may be that of whoever stopped it.
    """
    answers = events.publish(
        events.AuthorizationRequested(pile=pile, connector_no=connector_no, at=at, id_tag=id_tag)
    )
    said = answers[0].status if answers else INVALID
    if not id_tag or not begins or _is_of_start_command(pile.id, id_tag):
        return said
    decisions = events.publish(
        events.StartRequested(
            pile=pile,
            connector_no=connector_no,
            at=at,
            method="card",
            credential=id_tag,
            transaction_ref=transaction_ref,
        )
    )
    if not decisions:
        return said
    refusal = decisions[0].refusal
    return _REFUSED.get(refusal, "blocked") if refusal else ACCEPTED


def start_transaction(
    *,
    pile: events.PileRef,
    connector_no: int,
    id_tag: str,
    started_at: datetime | None,
    meter_start_kwh: Decimal,
    at: datetime,
    reservation_id: int | None = None,
) -> StartedTransaction:
    """Number a transaction once per business identity and publish `ChargeStarted`.

    A tag of no order is asked for by `StartRequested` first, so that its order is there when energy flows.

    Never refuses to store: a tag nobody knows gets its number too, with `invalid` beside it, so that what the
    pile delivers is on record. A start without a readable time begins when it is received, unless the connector
    has an open transaction with the same tag and meter: then it is that one, sent again.
    """
    with transaction.atomic():
        lock_pile(pile.id)
        if started_at is None:
            started_at = _start_of_twin(pile.id, connector_no, id_tag, meter_start_kwh) or at
        identity = start_identity(pile.code, connector_no, started_at, meter_start_kwh, id_tag)
        row = DeviceTransaction.objects.filter(identity=identity).first()
        repeated = row is not None
        if row is None:
            row = DeviceTransaction.objects.create(
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                pile_id=pile.id,
                connector_no=connector_no,
                identity=identity,
                id_tag=id_tag,
                started_at=started_at,
                meter_start_kwh=meter_start_kwh,
            )
            row.authorization = claim_tag(
                pile=pile, connector_no=connector_no, id_tag=id_tag, at=at, transaction_ref=row.ref
            )
            row.save(update_fields=["authorization"])
            reservations.used(
                pile=pile,
                connector_no=connector_no,
                id_tag=id_tag,
                transaction_ref=row.ref,
                at=at,
                reservation_id=reservation_id,
            )
        if row.ended_at is None:
            events.publish(
                events.ChargeStarted(
                    pile=pile,
                    connector_no=connector_no,
                    at=at,
                    transaction_ref=row.ref,
                    id_tag=id_tag,
                    meter_start_kwh=meter_start_kwh,
                )
            )
    return StartedTransaction(row.pk, row.authorization, repeated)


def start_identity(
    pile_code: str, connector_no: int, started_at: datetime, meter_start_kwh: Decimal, id_tag: str
) -> str:
    """The business identity of an OCPP 1.6 transaction; message ids change when a station sends again."""
    return f"ocpp16:{pile_code}:{connector_no}:{started_at.isoformat()}:{meter_start_kwh}:{id_tag}"[:160]


def _start_of_twin(pile_id: int, connector_no: int, id_tag: str, meter_start_kwh: Decimal) -> datetime | None:
    return (
        DeviceTransaction.objects.filter(
            pile_id=pile_id,
            connector_no=connector_no,
            id_tag=id_tag,
            meter_start_kwh=meter_start_kwh,
            ended_at__isnull=True,
        )
        .order_by("-pk")
        .values_list("started_at", flat=True)
        .first()
    )


def _is_of_start_command(pile_id: int, id_tag: str) -> bool:
    rows = DeviceCommand.objects.filter(pile_id=pile_id, kind=DeviceCommand.Kind.START)
    lately = rows.order_by("-pk").values_list("params", flat=True)[:START_COMMANDS_LOOKED_AT]
    return any(params.get("id_tag") == id_tag for params in lately)
