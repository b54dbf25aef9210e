"""Tariffs: published as versions that are never edited, and which of them holds where and when.

They are assigned to places in `tariff_assignments`; what piles are told of them is in `tariff_push`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext

from billing.locks import lock_wire_numbers
from billing.models import (
    SpecialDay,
    Tariff,
    TariffAssignment,
    TariffProfile,
    TariffTier,
    TariffVersion,
)
from billing.pricing import (
    Calendar,
    Component,
    DayRule,
    PricingError,
    TariffSnapshot,
    Tier,
    component_from_json,
)
from billing.pricing.calendar import USUAL_DAY
from billing.pricing.words import ERRORS
from devices.events import PileRef
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.models import Operator

WIRE_NUMBERS = 9999
DEFAULT_ZONE = "Asia/Shanghai"


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
