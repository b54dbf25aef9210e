"""Where tariffs hold: bound to a station or a pile, for everybody or for a price group, and ended there."""

from django.db import transaction
from django.utils.translation import gettext

from billing.models import (
    Tariff,
    TariffAssignment,
)
from billing.pricing.calendar import USUAL_DAY
from billing.services.tariff_push import wire_model
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, Station
from users import policy


def assign_tariff(
    *, actor: Actor, tariff: Tariff, station: Station, pile: Pile | None = None, group: str = ""
) -> TariffAssignment:
    """Let a tariff hold at a station, or at one of its piles only; replaces what held there.

    With a `group` it holds for drivers of that price group only, and wins over what holds for everybody. Raises
    `tariff_does_not_fit` when a YKC pile there has no room for the tiers in use, and `not_found` for a pile of
    another station or a tariff of another operator.
    """
    policy.require(actor, "billing.change_tariff")
    group = group.strip()
    if tariff.operator_id != station.operator_id or (pile is not None and pile.station_id != station.pk):
        raise DomainError("not_found")
    if len(group) > 32:
        reason = gettext("a group has at most 32 characters")
        raise DomainError("tariff_invalid", {"reason": reason}, field="group")
    with transaction.atomic():
        piles = [pile] if pile is not None else list(station.piles.all())
        latest = tariff.versions.order_by("-number").first()
        # A group's price is the platform's alone: the pile goes on with everybody's.
        if latest is not None and not group and any(one.protocol == Pile.Protocol.YKC for one in piles):
            for code in (USUAL_DAY, *latest.profiles.values_list("code", flat=True)):
                wire_model(latest, code)
        lookup = {"pile": pile} if pile is not None else {"station": station, "pile": None}
        lookup["group"] = group
        previous = TariffAssignment.objects.filter(**lookup).select_related("tariff").first()
        assignment, _created = TariffAssignment.objects.update_or_create(
            **lookup, defaults={"tariff": tariff, "station": station}
        )
        audit.record(
            actor=actor,
            action="billing.assign_tariff",
            target=pile or station,
            before={"tariff": previous.tariff.name if previous else None},
            after={"tariff": tariff.name, **({"group": group} if group else {})},
        )
    return assignment


def end_assignment(*, actor: Actor, assignment_id: int) -> None:
    """Take a tariff off a place, so that what holds there otherwise holds again. Raises `not_found`."""
    policy.require(actor, "billing.change_tariff")
    with transaction.atomic():
        found = TariffAssignment.objects.for_actor(actor).filter(pk=assignment_id).select_related("tariff")
        assignment = found.first()
        if assignment is None:
            raise DomainError("not_found")
        audit.record(
            actor=actor,
            action="billing.assign_tariff",
            target=assignment.pile or assignment.station,
            before={"tariff": assignment.tariff.name, "group": assignment.group},
            after={"tariff": None},
        )
        assignment.delete()
