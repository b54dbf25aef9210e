"""Reads of device facts that more than one door uses. Callers have read the object they belong to in scope."""

from devices.models import VehicleReport


def vehicle_reports(*, pile_id: int, transaction_ref: str) -> list[VehicleReport]:
    """What a vehicle told in one charge beside its running figures, in time."""
    if not transaction_ref:
        return []
    rows = VehicleReport.objects.unscoped("of a charge in scope").filter(
        pile_id=pile_id, transaction_ref=transaction_ref
    )
    return list(rows.exclude(kind=VehicleReport.Kind.RUNNING).order_by("at")[:200])


def last_running_report(*, pile_id: int, transaction_ref: str) -> VehicleReport | None:
    """The last demand and battery state of one charge."""
    if not transaction_ref:
        return None
    rows = VehicleReport.objects.unscoped("of a charge in scope").filter(
        pile_id=pile_id, transaction_ref=transaction_ref, kind=VehicleReport.Kind.RUNNING
    )
    return rows.order_by("-at").first()
