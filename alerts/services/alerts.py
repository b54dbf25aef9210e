"""Opening and closing alerts: once per episode, however often a pile repeats itself."""

from datetime import datetime

from django.db import IntegrityError, transaction

from alerts.models import Alert
from devices.events import PileRef
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
    except IntegrityError:
        return None  # a rival opened the same episode
    _tell(pile)
    return alert


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


def _tell(pile: PileRef) -> None:
    broadcast("board.platform", "board.dirty")
    broadcast(f"board.operator.{pile.operator_id}", "board.dirty")
