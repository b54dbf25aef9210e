"""Special days: the public holidays of the year and the weekend days that are worked for them."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import SpecialDay
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy

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
    """Say what a date is; replaces what was said before. Needs `billing.change_specialday`."""
    policy.require(actor, "billing.change_specialday")
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
