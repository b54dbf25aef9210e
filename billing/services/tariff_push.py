"""Tariffs in piles that price themselves: what such a pile is to hold, pushed when it is idle, confirmed by the pile.

A pile that prices itself (YKC) is charged only by the version it has confirmed to hold, so that its own amounts
and ours come from the same prices.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from billing.models import (
    ChargingOrder,
    PileTariff,
    TariffAssignment,
    TariffVersion,
)
from billing.models.order import OPEN_STATES
from billing.pricing import (
    Calendar,
    PricingError,
    wire_mapping,
    wire_slots,
)
from billing.pricing.calendar import USUAL_DAY
from billing.services.tariffs import calendar_of, invalid, profile_on, snapshot_of, version_in_force
from devices.events import PileRef
from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, Station
from users import policy

WIRE_MODELS_KEPT = 1000
_wire_models: dict[tuple, dict[str, Any]] = {}  # published versions are never edited
_WIRE_FIELDS = ("sharp", "peak", "flat", "valley")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pile that prices itself should hold: a version, and which of its days."""

    version: TariffVersion
    profile: str = USUAL_DAY


def wire_model(version: TariffVersion, profile: str = USUAL_DAY) -> dict[str, Any]:
    """One day of the version as the body of YKC frame 0A/58 without `pile_code` (YKC V1.6 §6.2).

    Rates are Decimals in yuan per kWh; a position that carries no tier is 0. Raises `tariff_does_not_fit` when
    the tiers in use are more than the frame has room for.
    """
    key = (version.pk, version.wire_no, version.effective_at, profile)
    if (known := _wire_models.get(key)) is None:
        known = _wire_model(version, profile)
        if len(_wire_models) >= WIRE_MODELS_KEPT:
            _wire_models.clear()
        _wire_models[key] = known
    return dict(known)


def _wire_model(version: TariffVersion, profile: str) -> dict[str, Any]:
    snapshot = snapshot_of(version, profile=profile)
    try:
        positions, slots = wire_mapping(snapshot), wire_slots(snapshot)
    except PricingError as error:
        raise invalid(error, "tariff_does_not_fit") from None
    fields: dict[str, Any] = {"model_no": snapshot.code}
    for name, code in zip(_WIRE_FIELDS, positions, strict=True):
        tier = snapshot.tier(code) if code is not None else None
        fields[f"{name}_elec_rate"] = tier.electricity_price if tier else Decimal("0.00000")
        fields[f"{name}_service_rate"] = tier.service_price if tier else Decimal("0.00000")
    fields["loss_ratio"] = 0
    fields["slots"] = bytes(slots)
    return fields


def wanted_on(*, pile: Pile | PileRef, at: datetime, version: TariffVersion | None = None) -> Wanted | None:
    """What a pile should hold at a moment: everybody's version in force, and its day of the local date.

    `version` is that version where the caller knows it.
    """
    version = version or version_in_force(pile=pile, at=at)
    if version is None:
        return None
    if not version.calendar:
        return Wanted(version)
    zone = pile.station.time_zone if isinstance(pile, Pile) else _zone_of(pile.station_id)
    return Wanted(version, profile_on(version, zone=zone, at=at))


def _zone_of(station_id: int) -> str:
    stations = Station.objects.unscoped("the zone of a pile's station")
    return stations.values_list("time_zone", flat=True).get(pk=station_id)


def holds(*, pile: Pile | PileRef, wanted: Wanted) -> bool:
    """Whether the pile has confirmed this version and day."""
    rows = PileTariff.objects.unscoped("what a pile holds")
    return rows.filter(pile_id=pile.id, version=wanted.version, profile=wanted.profile).exists()


def is_idle(pile: Pile | PileRef) -> bool:
    """Whether no order is open on the pile; a tariff is pushed only then (YKC V1.6 §6.2)."""
    orders = ChargingOrder.objects.unscoped("any order keeps the pile busy")
    return not orders.filter(pile_id=pile.id, state__in=OPEN_STATES).exists()


def push_tariff(*, actor: Actor, pile: Pile) -> DeviceCommand:
    """Send the version in force to a pile that prices itself.

    Raises `no_tariff`, `pile_charging` while a session is open, `pile_offline`, `command_pending`,
    `command_unsupported` for piles that do not price themselves.
    """
    policy.require(actor, "stations.push_tariff")
    with transaction.atomic():
        wanted = wanted_on(pile=pile, at=clock.now())
        if wanted is None:
            raise DomainError("no_tariff", {"code": pile.code})
        version = wanted.version
        if not is_idle(pile):
            raise DomainError("pile_charging", {"code": pile.code})
        command = send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.SET_TARIFF,
            params=wire_params(version, wanted.profile),
            reference=f"tariff:{version.pk}",
        )
        audit.record(
            actor=actor,
            action="billing.push_tariff",
            target=pile,
            after={
                "tariff": str(version),
                "wire_no": int(command.params["model_no"]),
                **({"day": wanted.profile} if wanted.profile else {}),
            },
        )
    return command


def wire_params(version: TariffVersion, profile: str = USUAL_DAY) -> dict[str, Any]:
    """`wire_model` as the parameters of a command: `model_no`, and `fields` in JSON (slots as hexadecimal)."""
    fields = wire_model(version, profile)
    model_no = fields.pop("model_no")
    return {
        "version_id": version.pk,
        **({"profile": profile} if profile else {}),
        "model_no": model_no,
        "fields": {
            name: value.hex().upper()
            if isinstance(value, bytes)
            else str(value)
            if isinstance(value, Decimal)
            else value
            for name, value in fields.items()
        },
    }


def confirm_held(*, pile: Pile | PileRef, version: TariffVersion, profile: str = USUAL_DAY) -> None:
    """The pile says that it holds this version and day; saying it again, as at every login, costs no write."""
    if holds(pile=pile, wanted=Wanted(version, profile)):
        return
    PileTariff.objects.bulk_create(
        [PileTariff(pile_id=pile.id, version=version, profile=profile, confirmed_at=clock.now())],
        update_conflicts=True,
        unique_fields=["pile"],
        update_fields=["version", "profile", "confirmed_at"],
    )


def version_by_wire_no(*, pile: Pile | PileRef, model_no: str) -> Wanted | None:
    """The version and day a pile means by a four-digit number: the newest of its operator that has it."""
    if not model_no.isdigit():
        return None
    number = int(model_no)
    versions = TariffVersion.objects.unscoped("what a pile says it holds")
    version = (
        versions.filter(tariff__operator_id=pile.operator_id)
        .filter(Q(wire_no=number) | Q(profiles__wire_no=number))
        .order_by("-pk")
        .first()
    )
    if version is None:
        return None
    if version.wire_no == number:
        return Wanted(version)
    return Wanted(version, version.profiles.filter(wire_no=number).values_list("code", flat=True)[0])


def push_if_due(*, actor: Actor, pile: Pile) -> bool:
    """Push what should hold now when the pile holds something else and can take it; False when it cannot."""
    if pile.protocol != Pile.Protocol.YKC:
        return False
    wanted = wanted_on(pile=pile, at=clock.now())
    if wanted is None or holds(pile=pile, wanted=wanted):
        return False
    try:
        push_tariff(actor=actor, pile=pile)
    except DomainError as refusal:
        if refusal.code in ("pile_offline", "command_pending", "pile_charging", "tariff_does_not_fit"):
            return False
        raise
    return True


def lacks_version_in_force(*, pile: PileRef) -> bool:
    """Whether a pile that prices itself does not hold what is in force.

    Most ask after their login (YKC V1.6 §6.2); some firmware never does and waits for the push.
    """
    if pile.protocol != Pile.Protocol.YKC:
        return False
    wanted = wanted_on(pile=pile, at=clock.now())
    return wanted is not None and not holds(pile=pile, wanted=wanted)


def push_due(*, actor: Actor, limit: int = 500) -> int:
    """Push to idle online YKC piles that hold another version or day than the one in force.

    Returns how many, at most `limit`. A change of the day is nothing else: the sweep after midnight finds it.
    """
    pushed = 0
    piles = Pile.objects.unscoped("every pile").filter(pk__in=_piles_of_other_versions(clock.now()))
    for pile in piles.select_related("station").order_by("pk").iterator():
        pushed += push_if_due(actor=actor, pile=pile)
        if pushed >= limit:
            break
    return pushed


def piles_without_version_in_force(pile_ids: Collection[int]) -> list[int]:
    """`lacks_version_in_force` for many piles at once; the ids of those that lack it."""
    return _piles_of_other_versions(clock.now(), pile_ids)


def _piles_of_other_versions(at: datetime, pile_ids: Collection[int] | None = None) -> list[int]:
    """Online YKC piles (of some) that hold another version or day than they should, read for all of them at once."""
    why = "every pile"
    assignments = TariffAssignment.objects.unscoped(why).filter(group="")
    holding = PileTariff.objects.unscoped(why)
    if pile_ids is not None:
        holding = holding.filter(pile_id__in=pile_ids)
        assignments = assignments.filter(Q(pile=None) | Q(pile_id__in=pile_ids))
    own = dict(assignments.exclude(pile=None).values_list("pile_id", "tariff_id"))
    usual = dict(assignments.filter(pile=None).values_list("station_id", "tariff_id"))
    versions = TariffVersion.objects.unscoped(why).filter(effective_at__lte=at).order_by("effective_at")
    newest: dict[int, int] = dict(versions.values_list("tariff_id", "pk"))
    with_days = _days_of(versions.filter(pk__in=newest.values()).exclude(calendar=[]))
    held = {
        pk: (version, day) for pk, version, day in holding.values_list("pile_id", "version_id", "profile")
    }
    piles = Pile.objects.unscoped(why).filter(protocol=Pile.Protocol.YKC, online=True)
    if pile_ids is not None:
        piles = piles.filter(pk__in=pile_ids)
    found = []
    for pk, station_id, zone in piles.values_list("pk", "station_id", "station__time_zone"):
        version = newest.get(own.get(pk) or usual.get(station_id))
        if version is None:
            continue
        calendar = with_days.get(version)
        local = at.astimezone(ZoneInfo(zone)).date()
        profile = calendar.profile_on(local) if calendar is not None else USUAL_DAY
        if held.get(pk) != (version, profile):
            found.append(pk)
    return found


def _days_of(versions: Iterable[TariffVersion]) -> Mapping[int, Calendar]:
    return {version.pk: calendar for version in versions if (calendar := calendar_of(version)) is not None}
