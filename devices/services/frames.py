"""The frame log read and carried off: of a pile, a day, a transaction, as lines of JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from devices.models import FrameLog
from devices.protocols.offline import decoding_of
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Pile
from users import policy
from users.services import edits

CHUNK = 1_000
NAMES = (
    "id", "at", "pile_code", "protocol", "direction", "name", "connector_no", "transaction_ref", "raw", "decoded",
    "error",
)  # fmt: skip


def day_of(text: str) -> date:
    """A day written as 2026-11-26; DomainError `invalid` otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        reason = _("%(given)s is not a day such as 2026-11-26") % {"given": repr(text[:32])}
        raise DomainError("invalid", {"field": "day", "reason": reason}, field="day") from None


def frames_of(
    *,
    actor: Actor,
    pile: Pile,
    day: date | None = None,
    transaction_ref: str = "",
    errors_only: bool = False,
) -> "models.QuerySet[FrameLog]":
    """The frames of a pile in the order they came, those before its login among them.

    `day` is a day of the platform's zone. DomainError `permission_denied`, `not_found`.
    """
    policy.require(actor, "devices.view_framelog")
    edits.in_scope(actor, pile)
    rows = FrameLog.objects.unscoped("frames of a pile in scope").filter(of_pile(pile.pk, pile.code))
    if day is not None:
        start, end = day_bounds(day)
        rows = rows.filter(at__gte=start, at__lt=end)
    if transaction_ref:
        rows = rows.filter(transaction_ref=transaction_ref)
    if errors_only:
        rows = rows.exclude(error="")
    return rows.order_by("id")


def of_pile(pile_id: int, code: str) -> models.Q:
    """The WHERE for frames of a pile: its own, and those that only bore its code."""
    return models.Q(pile_id=pile_id) | models.Q(pile_id__isnull=True, pile_code=code)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Its first moment and that of the next day, in the zone of the platform."""
    zone = timezone.get_default_timezone()
    first, next_day = (datetime.combine(one, time.min, zone) for one in (day, day + timedelta(days=1)))
    return first.astimezone(UTC), next_day.astimezone(UTC)


def lines_of(rows: "models.QuerySet[FrameLog]") -> Iterator[str]:
    """The rows as JSON lines, read as they are sent: a day of a busy pile is not held in memory."""
    for row in rows.values(*NAMES).iterator(chunk_size=CHUNK):
        yield json.dumps(as_json(row), ensure_ascii=False) + "\n"


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `NAMES` for JSON, decoded when it is stored raw."""
    names = ("protocol", "raw", "direction", "decoded", "error")
    decoded = decoding_of(**{name: row[name] for name in names})
    return {**row, "at": row["at"].isoformat(), "decoded": decoded}
