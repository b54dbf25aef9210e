"""Transactions that the platform numbers (OCPP 1.6 StartTransaction and StopTransaction)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceTransaction


@dataclass(frozen=True, slots=True)
class StartedTransaction:
    """The number the pile gets, and whether its tag may charge (accepted, invalid, blocked …)."""

    number: int
    authorization: str


def authorize(*, pile: events.PileRef, connector_no: int, id_tag: str, at: datetime) -> str:
    """Ask the floors above about a tag; `invalid` when nobody vouches for it."""
    with transaction.atomic():
        answers = events.publish(
            events.AuthorizationRequested(pile=pile, connector_no=connector_no, at=at, id_tag=id_tag)
        )
    return answers[0].status if answers else "invalid"


def start_transaction(
    *,
    pile: events.PileRef,
    connector_no: int,
    id_tag: str,
    started_at: datetime,
    meter_start_kwh: Decimal,
    at: datetime,
) -> StartedTransaction:
    """Number a transaction once per business identity and publish `ChargeStarted`.

    Never refuses to store: a tag nobody knows gets its number too, with `invalid` beside it, so that what the
    pile delivers is on record.
    """
    identity = f"ocpp16:{pile.code}:{connector_no}:{started_at.isoformat()}:{meter_start_kwh}:{id_tag}"[:160]
    with transaction.atomic():
        lock_pile(pile.id)
        row = DeviceTransaction.objects.filter(identity=identity).first()
        if row is None:
            answers = events.publish(
                events.AuthorizationRequested(pile=pile, connector_no=connector_no, at=at, id_tag=id_tag)
            )
            row = DeviceTransaction.objects.create(
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                pile_id=pile.id,
                connector_no=connector_no,
                identity=identity,
                id_tag=id_tag,
                started_at=started_at,
                meter_start_kwh=meter_start_kwh,
                authorization=answers[0].status if answers else "invalid",
            )
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
    return StartedTransaction(row.pk, row.authorization)


def find_transaction(
    *, pile_id: int, number: int, connector_no: int | None = None
) -> DeviceTransaction | None:
    """The transaction a message means: by (pile, number); 0 and −1 mean the open one on the connector."""
    rows = DeviceTransaction.objects.filter(pile_id=pile_id)
    if number > 0:
        return rows.filter(pk=number).first()
    if connector_no:
        rows = rows.filter(connector_no=connector_no)
    return rows.filter(ended_at__isnull=True).order_by("-pk").first()
