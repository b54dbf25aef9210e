"""Orders of sessions that began while nobody could be asked: opened when their record arrives.

Which of them there may be says the mode matrix, by the pile's charge mode without a link and by how the record says
it was started. A free one needs no payer; for a billed one a payer must be found by what the record names.
"""

from collections.abc import Callable

from django.db import IntegrityError, transaction

from billing.models import ChargingOrder, TariffVersion
from billing.services.order_states import note
from billing.services.orders import new_order_no
from billing.services.tariffs import profile_on, snapshot_of, version_in_force
from devices.models import TransactionRecord
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Connector, Pile
from stations.modes import Method, Mode
from stations.services.modes import require_method
from users.models import Driver

START = ChargingOrder.StartMethod
# What a record says of its start; «code» is a session of the platform's own and must have had an order.
_WAYS = {
    "card": (Method.CARD, START.OFFLINE_CARD),
    "offline_card": (Method.CARD, START.OFFLINE_CARD),
    "vin": (Method.VIN, START.VIN),
    "plug": (Method.PLUG, START.PLUG),
}

PayerOf = Callable[[TransactionRecord], Driver | None]


def _nobody(record: TransactionRecord) -> Driver | None:
    return None


_payer_of: PayerOf = _nobody


def register_payer(look_up: PayerOf) -> None:
    """Set who knows the payer of a record without an order, by its card or VIN."""
    global _payer_of
    _payer_of = look_up


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
    driver = _payer_of(record)
    if driver is None and mode != Mode.OFFLINE_FREE:
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
    return _create(record, connector, version, driver, start_method, mode, actor)


def _create(
    record: TransactionRecord,
    connector: Connector,
    version: TariffVersion,
    driver: Driver | None,
    start_method: str,
    mode: Mode,
    actor: Actor,
) -> int | None:
    zone = connector.station.time_zone
    # A pile that prices itself knows one day at a time: that of the day it began on.
    own = record.pile.protocol == Pile.Protocol.YKC
    snapshot = snapshot_of(
        version,
        zone=zone,
        at=record.started_at,
        profile=profile_on(version, zone=zone, at=record.started_at) if own else None,
        free=mode == Mode.OFFLINE_FREE,
    )
    try:
        with transaction.atomic():
            order = ChargingOrder.objects.create(
                order_no=new_order_no(clock.now()),
                operator_id=record.operator_id,
                station_id=record.station_id,
                pile_id=record.pile_id,
                connector=connector,
                driver=driver,
                start_method=start_method,
                charge_mode=mode,
                state=ChargingOrder.State.FINISHING,
                transaction_ref=record.transaction_ref,
                id_tag=record.id_tag,
                tariff_version=version,
                tariff_snapshot=snapshot.to_json(),
                created_at=record.started_at,
                started_at=record.started_at,
            )
            note(order, "opened_by_record", actor, {"record": record.pk}, to_state=order.state)
    except IntegrityError:
        return None  # the number is taken
    return order.pk
