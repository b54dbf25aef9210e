"""Alerts about what runs out on a pile: its data plan and its insurance. Opened once, closed when it was renewed."""

from alerts.models import Alert
from alerts.services.alerts import close_alerts, open_alert
from devices.services.references import pile_ref
from kernel import clock
from stations.services.archive import due_piles

KINDS = (Alert.Kind.SIM_USAGE, Alert.Kind.SIM_EXPIRY, Alert.Kind.INSURANCE)


def watch() -> tuple[int, int]:
    """Compare the archives of all piles with the open alerts; returns how many were opened and closed."""
    now = clock.now()
    due = {(one.pile.pk, one.kind): one for one in due_piles()}
    opened = sum(
        open_alert(pile=pile_ref(one.pile), kind=kind, at=now, detail=one.figure) is not None
        for (_pile_id, kind), one in due.items()
    )
    open_ones = Alert.objects.unscoped("a sweep over every pile").filter(
        closed_at__isnull=True, kind__in=KINDS
    )
    closed = 0
    for alert in open_ones.select_related("pile"):
        if (alert.pile_id, alert.kind) not in due:
            closed += close_alerts(pile=pile_ref(alert.pile), kind=alert.kind, at=now)
    return opened, closed
