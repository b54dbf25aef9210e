"""Special days: the public holidays of the year and the weekend days that are worked for them."""

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import SpecialDay
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.imports import Column, Importer, Labels, choice
from kernel.imports import day as day_of_cell
from kernel.services import audit
from users import policy
from users.scope import grants_of

WEEKDAYS = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)
KINDS = SpecialDay.Kind.values


def set_special_day(*, actor: Actor, day: date, kind: str, name: str = "") -> SpecialDay:
    """Say what a date is; replaces what was said before.

    Needs `billing.change_specialday` and the whole platform: the days are every operator's.
    """
    _require_platform(actor)
    if kind not in KINDS:
        raise DomainError("choice_invalid", {"value": kind, "accepted": ", ".join(KINDS)}, field="kind")
    with transaction.atomic():
        before = SpecialDay.objects.filter(date=day).first()
        saved, _created = SpecialDay.objects.update_or_create(
            date=day, defaults={"kind": kind, "name": name.strip()[:32]}
        )
        audit.record(
            actor=actor,
            action="billing.set_special_day",
            target=saved,
            before=None if before is None else {"kind": before.kind, "name": before.name},
            after={"kind": saved.kind, "name": saved.name},
        )
    return saved


def clear_special_day(*, actor: Actor, day: date) -> None:
    """Let a date be nothing special again; orders that froze it keep it. Raises `not_found`."""
    _require_platform(actor)
    with transaction.atomic():
        found = SpecialDay.objects.filter(date=day).first()
        if found is None:
            raise DomainError("not_found")
        audit.record(
            actor=actor,
            action="billing.clear_special_day",
            target=found,
            before={"date": day.isoformat(), "kind": found.kind, "name": found.name},
            after={},
        )
        found.delete()


def _require_platform(actor: Actor) -> None:
    policy.require(actor, "billing.change_specialday")
    if not grants_of(actor).everything:
        raise DomainError("permission_denied", {"permission": "billing.change_specialday"})


class SpecialDayImporter(Importer):
    """One row, one date."""

    title = _("Import special days")
    name = "special-days"
    columns = (
        Column("date", _("date"), day_of_cell, _("a date such as 2026-10-01"), "2026-10-01", required=True),
        Column("kind", _("kind"), choice(SpecialDay.Kind), Labels(SpecialDay.Kind), "节假日", required=True),
        Column("name", _("name"), accepted=_("up to 32 characters"), example="国庆节"),
    )

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        saved = set_special_day(
            actor=actor, day=values["date"], kind=values["kind"], name=values.get("name", "")
        )
        return str(saved)


def import_special_days(*, actor: Actor, path: Path) -> dict[str, Any]:
    """Read a CSV file with the columns date, kind, name; all of it or nothing.

    Raises `file_invalid` with the number of the line and what is wrong with it.
    """
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    rows.append((date.fromisoformat((row.get("date") or "").strip()), row))
                except ValueError:
                    reason = gettext("line %(line)s: %(value)s is not a date such as 2026-10-01")
                    raise DomainError(
                        "file_invalid", {"reason": reason % {"line": number, "value": row.get("date") or "–"}}
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DomainError("file_invalid", {"reason": str(error)[:200]}) from None
    with transaction.atomic():
        for day, row in rows:
            kind = (row.get("kind") or "").strip()
            set_special_day(actor=actor, day=day, kind=kind, name=row.get("name") or "")
    return {"days": len(rows), "holidays": sum(row["kind"].strip() == "holiday" for _day, row in rows)}
