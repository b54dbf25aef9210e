"""Tariffs: published as versions that are never edited, assigned to stations or piles, pushed to piles.

A pile that prices itself (YKC) is charged only by the version it has confirmed to hold, so that its own amounts
and ours come from the same prices.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext

from billing.locks import lock_wire_numbers
from billing.models import (
    ChargingOrder,
    PileTariff,
    SpecialDay,
    Tariff,
    TariffAssignment,
    TariffProfile,
    TariffTier,
    TariffVersion,
)
from billing.models.order import OPEN_STATES
from billing.pricing import (
    Calendar,
    Component,
    DayRule,
    PricingError,
    TariffSnapshot,
    Tier,
    component_from_json,
    wire_mapping,
    wire_slots,
)
from billing.pricing.calendar import USUAL_DAY
from billing.pricing.words import ERRORS
from devices.events import PileRef
from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, Station
from users import policy
from users.models import Operator

WIRE_NUMBERS = 9999
WIRE_MODELS_KEPT = 1000
_wire_models: dict[tuple, dict[str, Any]] = {}  # published versions are never edited
DEFAULT_ZONE = "Asia/Shanghai"
_WIRE_FIELDS = ("sharp", "peak", "flat", "valley")


def invalid(error: PricingError, code: str = "tariff_invalid") -> DomainError:
    """A refusal of the pricing core as one of this app, its sentence in the reader's language."""
    template = ERRORS.get(error.code)
    reason = gettext(template) % error.params if template else error.code
    return DomainError(code, {"reason": reason})


def create_tariff(*, actor: Actor, operator: Operator, name: str) -> Tariff:
    """Create a named tariff without versions. Needs `billing.add_tariff`; raises `tariff_invalid`."""
    policy.require(actor, "billing.add_tariff")
    name = name.strip()
    if not 1 <= len(name) <= 64:
        raise DomainError(
            "tariff_invalid", {"reason": gettext("a name has 1 to 64 characters")}, field="name"
        )
    with transaction.atomic():
        try:
            with transaction.atomic():
                tariff = Tariff.objects.create(operator=operator, name=name)
        except IntegrityError:
            raise DomainError("tariff_name_taken", {"name": name}, field="name") from None
        audit.record(actor=actor, action="billing.create_tariff", target=tariff, after={"name": name})
    return tariff


@dataclass(frozen=True, slots=True)
class Day:
    """A further day of a version: a code for rules, a name for people, 48 tier codes."""

    code: str
    name: str
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pile that prices itself should hold: a version, and which of its days."""

    version: TariffVersion
    profile: str = USUAL_DAY


def publish_version(
    *,
    actor: Actor,
    tariff: Tariff,
    tiers: Sequence[Tier],
    slots: Sequence[str],
    effective_at: datetime,
    components: Sequence[Component] = (),
    days: Sequence[Day] = (),
    rules: Sequence[DayRule] = (),
) -> TariffVersion:
    """Publish the next version of a tariff; nothing of it can be changed afterwards.

    Args:
        tiers: `billing.pricing.Tier` rows, yuan per kWh at 5 places.
        slots: 48 tier codes, one per local half-hour, of the usual day.
        effective_at: from when it holds. Only a tariff's first version may start in the past.
        components: what is charged beside the energy.
        days: further days, which `rules` choose; the first rule that fits a date wins.

    Raises:
        DomainError: `tariff_invalid` naming what is wrong, `permission_denied`.
    """
    policy.require(actor, "billing.change_tariff")
    draft_snapshot(name=tariff.name, tiers=tiers, slots=slots, components=components, days=days, rules=rules)
    if effective_at.tzinfo is None:
        raise DomainError(
            "invalid",
            {"field": "effective_at", "reason": gettext("it has no time zone")},
            field="effective_at",
        )
    now = clock.now()
    with transaction.atomic():
        lock_wire_numbers()
        latest = tariff.versions.order_by("-number").first()
        if latest is not None and effective_at < now - timedelta(minutes=1):
            raise DomainError("tariff_in_the_past", field="effective_at")
        numbers = _next_wire_numbers(now, 1 + len(days))
        try:
            with transaction.atomic():
                version = TariffVersion.objects.create(
                    tariff=tariff,
                    number=(latest.number if latest else 0) + 1,
                    effective_at=effective_at,
                    slots=list(slots),
                    components=[one.to_json() for one in components],
                    calendar=[rule.to_json() for rule in rules],
                    wire_no=numbers[0],
                    created_by=actor.name[:128],
                )
        except IntegrityError:
            raise DomainError("tariff_moment_taken", field="effective_at") from None
        TariffTier.objects.bulk_create(
            TariffTier(
                version=version,
                position=position,
                code=tier.code,
                electricity_price=tier.electricity_price,
                service_price=tier.service_price,
            )
            for position, tier in enumerate(tiers)
        )
        TariffProfile.objects.bulk_create(
            TariffProfile(
                version=version,
                position=position,
                code=day.code,
                name=day.name[:32],
                slots=list(day.slots),
                wire_no=number,
            )
            for position, (day, number) in enumerate(zip(days, numbers[1:], strict=True))
        )
        audit.record(
            actor=actor,
            action="billing.publish_tariff",
            target=version,
            before={"version": latest.number if latest else None},
            after={
                "version": version.number,
                "effective_at": effective_at.isoformat(),
                "wire_no": version.wire_no,
                "prices": {t.code: [str(t.electricity_price), str(t.service_price)] for t in tiers},
                **({"components": version.components} if components else {}),
                **({"days": [day.code for day in days], "rules": version.calendar} if days else {}),
            },
        )
    return version


def draft_snapshot(
    *,
    name: str,
    tiers: Sequence[Tier],
    slots: Sequence[str],
    components: Sequence[Component] = (),
    days: Sequence[Day] = (),
    rules: Sequence[DayRule] = (),
    zone: str = DEFAULT_ZONE,
) -> TariffSnapshot:
    """What would be published, as an order would freeze it. Raises `tariff_invalid` naming what is wrong."""
    try:
        twice = [day.code for day in days if [one.code for one in days].count(day.code) > 1]
        if twice:
            raise PricingError("bad_profile_code", {"profile": twice[0]})
        calendar = Calendar({day.code: day.slots for day in days}, tuple(rules)) if days or rules else None
        return TariffSnapshot(
            0, "", name, zone, tuple(tiers), tuple(slots), components=tuple(components), calendar=calendar
        )
    except PricingError as error:
        raise invalid(error) from None


def _next_wire_numbers(now: datetime, count: int) -> list[int]:
    """The next free numbers after the last one given, round and round; call under `lock_wire_numbers`."""
    why = "numbers on the wire are unique over all operators"
    rows = TariffVersion.objects.unscoped(why)
    days = TariffProfile.objects.all()
    last_version = rows.order_by("-pk").first()
    last = last_version.wire_no if last_version else 0
    if last_version is not None:
        own = days.filter(version=last_version).order_by("-position").values_list("wire_no", flat=True)
        last = own.first() or last
    newest: dict[int, int] = dict(
        rows.filter(effective_at__lte=now).order_by("effective_at").values_list("tariff_id", "pk")
    )
    in_use = Q(effective_at__gt=now) | Q(piletariff__isnull=False) | Q(pk__in=newest.values())
    used = set(rows.filter(in_use).values_list("pk", flat=True))
    taken = set(rows.filter(pk__in=used).values_list("wire_no", flat=True))
    taken |= set(days.filter(version_id__in=used).values_list("wire_no", flat=True))
    free = (
        number for step in range(WIRE_NUMBERS) if (number := (last + step) % WIRE_NUMBERS + 1) not in taken
    )
    numbers = [number for number, _place in zip(free, range(count), strict=False)]
    if len(numbers) < count:
        raise DomainError("tariff_invalid", {"reason": gettext("every number on the wire is in use")})
    return numbers


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


def version_in_force(
    *, pile: Pile | PileRef, at: datetime, groups: Sequence[str] = ()
) -> TariffVersion | None:
    """The version that holds for a pile at a moment.

    The first of the driver's `groups` that has a price here wins over everybody's; among equals the pile's own
    wins over its station's.
    """
    assignments = TariffAssignment.objects.unscoped("what holds at a pile").filter(
        Q(pile_id=pile.id) | Q(station_id=pile.station_id, pile=None), group__in=["", *groups]
    )
    assigned = {
        (group, own): tariff
        for group, own, tariff in assignments.values_list("group", "pile_id", "tariff_id")
    }
    versions = TariffVersion.objects.unscoped("what holds at a pile").select_related("tariff")
    for group in dict.fromkeys([*groups, ""]):
        tariff_id = assigned.get((group, pile.id)) or assigned.get((group, None))
        if tariff_id is None:
            continue
        version = versions.filter(tariff_id=tariff_id, effective_at__lte=at).order_by("-effective_at").first()
        if version is not None or group == "":
            return version
    return None


def calendar_of(version: TariffVersion, *, around: date | None = None) -> Calendar | None:
    """The version's calendar with the special days of two months from `around` (all of them without); or None."""
    if not version.calendar:
        return None
    days = SpecialDay.objects.all()
    if around is not None:
        days = days.filter(date__gte=around - timedelta(days=1), date__lte=around + timedelta(days=63))
    return Calendar(
        {profile.code: tuple(profile.slots) for profile in version.profiles.all()},
        tuple(DayRule(**rule) for rule in version.calendar),
        {day.isoformat(): kind for day, kind in days.values_list("date", "kind")},
    )


def profile_on(version: TariffVersion, *, zone: str, at: datetime) -> str:
    """The code of the day that holds at a moment in a zone; the usual day where there is no calendar."""
    if not version.calendar:
        return USUAL_DAY
    local = at.astimezone(ZoneInfo(zone)).date()
    calendar = calendar_of(version, around=local)
    return calendar.profile_on(local) if calendar is not None else USUAL_DAY


def snapshot_of(
    version: TariffVersion,
    *,
    zone: str = DEFAULT_ZONE,
    at: datetime | None = None,
    profile: str | None = None,
    free: bool = False,
) -> TariffSnapshot:
    """The version as an order freezes it; `zone` is the station's.

    With a `profile` it has that one day, as a pile without a calendar holds it. Otherwise it has the calendar,
    with the special days around `at` (all of them without). A `free` session has its prices at zero.
    """
    nothing = Decimal("0.00000")
    tiers = tuple(
        Tier(tier.code, nothing if free else tier.electricity_price, nothing if free else tier.service_price)
        for tier in sorted(version.tiers.all(), key=lambda tier: tier.position)
    )
    slots, number, calendar = tuple(version.slots), version.wire_no, None
    if profile:
        day = next((one for one in version.profiles.all() if one.code == profile), None)
        if day is None:
            raise DomainError("not_found")
        slots, number = tuple(day.slots), day.wire_no
    elif profile is None:
        around = None if at is None else at.astimezone(ZoneInfo(zone)).date()
        calendar = calendar_of(version, around=around)
    return TariffSnapshot(
        version.pk,
        f"{number:04d}",
        str(version),
        zone,
        tiers,
        slots,
        components=() if free else tuple(component_from_json(row) for row in version.components),
        calendar=calendar,
    )


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
