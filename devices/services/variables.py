"""The variables that piles report, kept as rows: one line per variable and attribute."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from devices import events
from devices.models import DeviceCommand, DeviceVariable
from devices.services.placing import place_of

LONGEST_PATH, LONGEST_VALUE = 255, 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedVariable:
    """A variable as its pile told it; `path` as commands take it (see `DeviceVariable`)."""

    path: str
    value: str
    attribute: str = "Actual"
    mutability: str = ""
    unit: str = ""
    characteristics: dict[str, Any] = field(default_factory=dict)


def store(
    *,
    pile: events.PileRef,
    variables: Iterable[ReportedVariable],
    at: datetime,
    request_id: int | None = None,
    complete: bool = True,
) -> int:
    """Keep what a pile told and publish it; returns how many variables. Whatever is not named stays as it was."""
    told = {}
    for variable in variables:
        if variable.path and len(variable.path) <= LONGEST_PATH:
            told[variable.path, variable.attribute] = variable
    with transaction.atomic():
        known = {
            (row.path, row.attribute): row
            for row in DeviceVariable.objects.filter(
                pile_id=pile.id, path__in={path for path, _attribute in told}
            )
        }
        fresh, changed = [], []
        for key, variable in told.items():
            row = known.get(key)
            if row is None:
                fresh.append(_filled(DeviceVariable(**place_of(pile), path=variable.path), variable, at))
            else:
                changed.append(_filled(row, variable, at))
        DeviceVariable.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=500)
        DeviceVariable.objects.bulk_update(
            changed, ["value", "mutability", "unit", "characteristics", "reported_at"], batch_size=200
        )
        if told or complete:
            events.publish(
                events.DeviceVariablesReported(
                    pile=pile,
                    at=at,
                    paths=tuple(path for path, _attribute in told),
                    request_id=request_id,
                    complete=complete,
                )
            )
    return len(told)


def _filled(row: DeviceVariable, variable: ReportedVariable, at: datetime) -> DeviceVariable:
    row.attribute, row.value = variable.attribute[:8], variable.value[:LONGEST_VALUE]
    # A plain reading says nothing of what the report said of the variable itself.
    row.mutability = variable.mutability[:10] or row.mutability
    row.unit = variable.unit[:16] or row.unit
    row.characteristics = variable.characteristics or row.characteristics
    row.reported_at = at
    return row


def change_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted CHANGE_CONFIGURATION: the variable has that value now (one that waits for a reboot has not)."""
    if command.state != DeviceCommand.State.ACCEPTED or command.reason:
        return
    DeviceVariable.objects.filter(
        pile_id=pile.id, path=str(command.params.get("key") or "").strip(), attribute="Actual"
    ).update(value=str(command.params.get("value", ""))[:LONGEST_VALUE], reported_at=at)


def value_of(pile_id: int, path: str) -> str | None:
    """The last known value of a variable; None when the pile never told it."""
    rows = DeviceVariable.objects.filter(pile_id=pile_id, path=path, attribute="Actual")
    return rows.values_list("value", flat=True).first()
