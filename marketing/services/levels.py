"""Member levels are set up here, and who has reached which is kept here; what was charged is counted above."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from marketing.models import MemberLevel, Membership
from users import policy
from users.models import DriverTag, Operator
from users.services import edits, groups

EDITABLE = ("measure", "least", "window_days", "is_active")


def save_level(
    *,
    actor: Actor,
    operator: Operator | None = None,
    tag: DriverTag | None = None,
    level_id: int | None = None,
    **fields: Any,
) -> MemberLevel:
    """Make a tag of an operator a level, or change what a level asks for.

    Needs `marketing.change_memberlevel`. DomainError `permission_denied`, `not_found`, `invalid`, `level_taken`.
    """
    policy.require(actor, "marketing.change_memberlevel")
    with transaction.atomic():
        if level_id is None:
            edits.in_scope(actor, operator)
            if tag is None or tag.operator_id != operator.pk:
                raise DomainError("not_found", field="tag")
            if MemberLevel.objects.unscoped("a tag is one level").filter(tag=tag).exists():
                raise DomainError("level_taken", {"name": tag.name}, field="tag")
            level = MemberLevel(operator=operator, tag=tag, least=0)
        else:
            level = MemberLevel.objects.for_actor(actor).select_for_update().filter(pk=level_id).first()
            if level is None:
                raise DomainError("not_found")
        before, after = edits.apply(level, fields, editable=EDITABLE)
        level.save()
        audit.record(
            actor=actor, action="marketing.save_level", target=level, before=before or None, after=after
        )
    return level


def set_members(
    *, actor: Actor, operator_id: int, reached: Mapping[int, tuple[MemberLevel, int]]
) -> tuple[int, int]:
    """Make these the members of an operator: {driver: (level, what counted)}; (come or moved, left).

    The tags of all of its levels follow. May run any number of times.
    """
    now = clock.now()
    with transaction.atomic():
        levels = list(
            MemberLevel.objects.unscoped("the job of every operator")
            .select_for_update(of=("self",))
            .filter(operator_id=operator_id)
            .select_related("tag")
        )
        rows = Membership.objects.unscoped("the job of every operator").filter(operator_id=operator_id)
        known = {row.driver_id: row for row in rows}
        moved = []
        for driver_id, (level, counted) in reached.items():
            row = known.get(driver_id) or Membership(operator_id=operator_id, driver_id=driver_id, since=now)
            if row.level_id != level.pk:
                moved.append(driver_id)
                row.level, row.since = level, now
            row.counted, row.looked_at = counted, now
            known[driver_id] = row
        current = [known[driver_id] for driver_id in reached]
        Membership.objects.bulk_create([row for row in current if row.pk is None], batch_size=500)
        Membership.objects.bulk_update(
            [row for row in current if row.pk is not None],
            ["level", "counted", "since", "looked_at"],
            batch_size=500,
        )
        gone = rows.exclude(driver_id__in=reached).delete()[0]
        for level in levels:
            wanted = {driver_id for driver_id, (one, _counted) in reached.items() if one.pk == level.pk}
            groups.set_carriers(actor=actor, tag=level.tag, driver_ids=wanted)
    return len(moved), gone
