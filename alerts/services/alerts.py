"""Opening and closing alerts: once per episode, however often a pile repeats itself."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from alerts.models import Alert
from alerts.services import messages
from devices.events import PileRef
from devices.models import TransactionRecord
from devices.words import is_protection
from kernel.live import broadcast


def open_alert(
    *, pile: PileRef, kind: str, at: datetime, connector_no: int = 0, code: str = "", detail: str = ""
) -> Alert | None:
    """Open an alert; None when this episode already has one."""
    key = {"pile_id": pile.id, "connector_no": connector_no, "kind": kind, "code": code[:64]}
    rows = Alert.objects.unscoped("the event comes from the pile itself")
    if rows.filter(closed_at__isnull=True, **key).exists():
        return None
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                detail=detail[:255],
                opened_at=at,
                **key,
            )
            messages.queue(alert)
    except IntegrityError:
        return None  # a rival opened the same episode
    _tell(pile)
    return alert


def open_pile_alerts(*, found: Sequence[tuple[PileRef, str]], kind: str, at: datetime) -> int:
    """`open_alert` for many (pile, detail) at once, on whole piles and without a code; returns how many opened."""
    rows = Alert.objects.unscoped("the events come from the piles themselves").filter(
        pile_id__in=[pile.id for pile, _detail in found],
        connector_no=0,
        kind=kind,
        code="",
        closed_at__isnull=True,
    )
    known = set(rows.values_list("pile_id", flat=True))
    new = [
        Alert(
            operator_id=pile.operator_id,
            station_id=pile.station_id,
            pile_id=pile.id,
            connector_no=0,
            kind=kind,
            code="",
            detail=detail[:255],
            opened_at=at,
        )
        for pile, detail in found
        if pile.id not in known
    ]
    Alert.objects.bulk_create(new, ignore_conflicts=True)
    for pile in {pile.operator_id: pile for pile, _detail in found}.values():
        _tell(pile)
    return len(new)


def close_alerts(*, pile: PileRef, kind: str, at: datetime, connector_no: int = 0, code: str = "") -> int:
    """Close the open alerts of a kind on a connector (0: the pile), or the one of a code; returns how many."""
    rows = Alert.objects.unscoped("the event comes from the pile itself").filter(
        pile_id=pile.id, connector_no=connector_no, kind=kind, closed_at__isnull=True
    )
    if code:
        rows = rows.filter(code=code[:64])
    closed = rows.update(closed_at=at)
    if closed:
        _tell(pile)
    return closed


def close_pile_alerts(*, piles: Sequence[PileRef], kind: str, at: datetime) -> int:
    """Close the open alerts of a kind that whole piles have, for many piles at once; returns how many."""
    rows = Alert.objects.unscoped("the events come from the piles themselves").filter(
        pile_id__in=[pile.id for pile in piles], connector_no=0, kind=kind, closed_at__isnull=True
    )
    closed = rows.update(closed_at=at)
    if closed:
        for pile in {pile.operator_id: pile for pile in piles}.values():
            _tell(pile)
    return closed


def close_protections() -> int:
    """Close protective stops after which the same connector has charged and ended well; returns how many."""
    closed = 0
    rows = Alert.objects.unscoped("a sweep over every alert").filter(
        kind=Alert.Kind.PROTECTION, closed_at__isnull=True
    )
    for alert in rows.order_by("pk")[:500]:
        later = TransactionRecord.objects.unscoped("of the same connector").filter(
            pile_id=alert.pile_id,
            connector_no=alert.connector_no,
            started_at__gt=alert.opened_at,
            energy_kwh__gt=0,
        )
        well = next(
            (one for one in later.order_by("pk")[:20] if not is_protection(one.protocol, one.stop_reason)),
            None,
        )
        if well is not None:
            closed += rows.filter(pk=alert.pk).update(closed_at=well.ended_at or well.received_at)
    return closed


def _tell(pile: PileRef) -> None:
    broadcast("board.platform", "board.dirty")
    broadcast(f"board.operator.{pile.operator_id}", "board.dirty")
