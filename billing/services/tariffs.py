"""Tariffs: published as versions that are never edited, assigned to stations or piles, pushed to piles.

A pile that prices itself (YKC) is charged only by the version it has confirmed to hold, so that its own amounts
and ours come from the same prices.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext

from billing.locks import lock_wire_numbers
from billing.models import ChargingOrder, PileTariff, Tariff, TariffAssignment, TariffTier, TariffVersion
from billing.models.order import OPEN_STATES
from billing.pricing import PricingError, TariffSnapshot, Tier, wire_mapping, wire_slots
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


def publish_version(
    *, actor: Actor, tariff: Tariff, tiers: Sequence[Tier], slots: Sequence[str], effective_at: datetime
) -> TariffVersion:
    """Publish the next version of a tariff; nothing of it can be changed afterwards.

    Args:
        tiers: `billing.pricing.Tier` rows, yuan per kWh at 5 places.
        slots: 48 tier codes, one per local half-hour.
        effective_at: from when it holds. Only a tariff's first version may start in the past.

    Raises:
        DomainError: `tariff_invalid` naming what is wrong, `permission_denied`.
    """
    policy.require(actor, "billing.change_tariff")
    try:
        TariffSnapshot(0, "", tariff.name, DEFAULT_ZONE, tuple(tiers), tuple(slots))
    except PricingError as error:
        raise invalid(error) from None
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
        try:
            with transaction.atomic():
                version = TariffVersion.objects.create(
                    tariff=tariff,
                    number=(latest.number if latest else 0) + 1,
                    effective_at=effective_at,
                    slots=list(slots),
                    wire_no=_next_wire_no(now),
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
            },
        )
    return version


def _next_wire_no(now: datetime) -> int:
    """The next free number after the last one given, round and round; call under `lock_wire_numbers`."""
    rows = TariffVersion.objects.unscoped("numbers on the wire are unique over all operators")
    last = rows.order_by("-pk").values_list("wire_no", flat=True).first() or 0
    taken = set(rows.filter(effective_at__gt=now).values_list("wire_no", flat=True))
    taken |= set(rows.filter(piletariff__isnull=False).values_list("wire_no", flat=True))
    newest: dict[int, int] = dict(
        rows.filter(effective_at__lte=now).order_by("effective_at").values_list("tariff_id", "wire_no")
    )
    taken |= set(newest.values())
    for step in range(WIRE_NUMBERS):
        candidate = (last + step) % WIRE_NUMBERS + 1
        if candidate not in taken:
            return candidate
    raise DomainError("tariff_invalid", {"reason": gettext("every number on the wire is in use")})


def assign_tariff(
    *, actor: Actor, tariff: Tariff, station: Station, pile: Pile | None = None
) -> TariffAssignment:
    """Let a tariff hold at a station, or at one of its piles only; replaces what held there.

    Raises `tariff_does_not_fit` when a YKC pile there has no room for the tiers in use, and `not_found` for a
    pile of another station or a tariff of another operator.
    """
    policy.require(actor, "billing.change_tariff")
    if tariff.operator_id != station.operator_id or (pile is not None and pile.station_id != station.pk):
        raise DomainError("not_found")
    with transaction.atomic():
        piles = [pile] if pile is not None else list(station.piles.all())
        latest = tariff.versions.order_by("-number").first()
        if latest is not None and any(one.protocol == Pile.Protocol.YKC for one in piles):
            wire_model(latest)
        lookup = {"pile": pile} if pile is not None else {"station": station, "pile": None}
        previous = TariffAssignment.objects.filter(**lookup).select_related("tariff").first()
        assignment, _created = TariffAssignment.objects.update_or_create(
            **lookup, defaults={"tariff": tariff, "station": station}
        )
        audit.record(
            actor=actor,
            action="billing.assign_tariff",
            target=pile or station,
            before={"tariff": previous.tariff.name if previous else None},
            after={"tariff": tariff.name},
        )
    return assignment


def version_in_force(*, pile: Pile | PileRef, at: datetime) -> TariffVersion | None:
    """The version that holds for a pile at a moment: of its own tariff, else of its station's."""
    assignments = TariffAssignment.objects.unscoped("what holds at a pile").filter(
        Q(pile_id=pile.id) | Q(station_id=pile.station_id, pile=None)
    )
    assigned = dict(assignments.values_list("pile_id", "tariff_id"))
    tariff_id = assigned.get(pile.id) or assigned.get(None)
    if tariff_id is None:
        return None
    versions = TariffVersion.objects.unscoped("what holds at a pile").select_related("tariff")
    return versions.filter(tariff_id=tariff_id, effective_at__lte=at).order_by("-effective_at").first()


def snapshot_of(version: TariffVersion, *, zone: str = DEFAULT_ZONE, free: bool = False) -> TariffSnapshot:
    """The version as an order freezes it; `zone` is the station's. A free session has its prices at zero."""
    nothing = Decimal("0.00000")
    tiers = tuple(
        Tier(tier.code, nothing if free else tier.electricity_price, nothing if free else tier.service_price)
        for tier in sorted(version.tiers.all(), key=lambda tier: tier.position)
    )
    return TariffSnapshot(
        version.pk, f"{version.wire_no:04d}", str(version), zone, tiers, tuple(version.slots)
    )


def wire_model(version: TariffVersion) -> dict[str, Any]:
    """The version as the body of YKC frame 0A/58 without `pile_code` (YKC V1.6 §6.2).

    Rates are Decimals in yuan per kWh; a position that carries no tier is 0. Raises `tariff_does_not_fit` when
    the tiers in use are more than the frame has room for.
    """
    key = (version.pk, version.wire_no, version.effective_at)
    if (known := _wire_models.get(key)) is None:
        known = _wire_model(version)
        if len(_wire_models) >= WIRE_MODELS_KEPT:
            _wire_models.clear()
        _wire_models[key] = known
    return dict(known)


def _wire_model(version: TariffVersion) -> dict[str, Any]:
    snapshot = snapshot_of(version)
    try:
        positions, slots = wire_mapping(snapshot), wire_slots(snapshot)
    except PricingError as error:
        raise invalid(error, "tariff_does_not_fit") from None
    fields: dict[str, Any] = {"model_no": f"{version.wire_no:04d}"}
    for name, code in zip(_WIRE_FIELDS, positions, strict=True):
        tier = snapshot.tier(code) if code is not None else None
        fields[f"{name}_elec_rate"] = tier.electricity_price if tier else Decimal("0.00000")
        fields[f"{name}_service_rate"] = tier.service_price if tier else Decimal("0.00000")
    fields["loss_ratio"] = 0
    fields["slots"] = bytes(slots)
    return fields


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
        version = version_in_force(pile=pile, at=clock.now())
        if version is None:
            raise DomainError("no_tariff", {"code": pile.code})
        if not is_idle(pile):
            raise DomainError("pile_charging", {"code": pile.code})
        command = send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.SET_TARIFF,
            params=wire_params(version),
            reference=f"tariff:{version.pk}",
        )
        audit.record(
            actor=actor,
            action="billing.push_tariff",
            target=pile,
            after={"tariff": str(version), "wire_no": version.wire_no},
        )
    return command


def wire_params(version: TariffVersion) -> dict[str, Any]:
    """`wire_model` as the parameters of a command: `model_no`, and `fields` in JSON (slots as hexadecimal)."""
    fields = wire_model(version)
    model_no = fields.pop("model_no")
    return {
        "version_id": version.pk,
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


def confirm_held(*, pile: Pile | PileRef, version: TariffVersion) -> None:
    """The pile says that it holds this version; saying it again, as at every login, costs no write."""
    if PileTariff.objects.unscoped("what a pile holds").filter(pile_id=pile.id, version=version).exists():
        return
    PileTariff.objects.bulk_create(
        [PileTariff(pile_id=pile.id, version=version, confirmed_at=clock.now())],
        update_conflicts=True,
        unique_fields=["pile"],
        update_fields=["version", "confirmed_at"],
    )


def version_by_wire_no(*, pile: Pile | PileRef, model_no: str) -> TariffVersion | None:
    """The version a pile means by a four-digit number: the newest one of its operator that has it."""
    if not model_no.isdigit():
        return None
    versions = TariffVersion.objects.unscoped("what a pile says it holds")
    return (
        versions.filter(tariff__operator_id=pile.operator_id, wire_no=int(model_no)).order_by("-pk").first()
    )


def push_if_due(*, actor: Actor, pile: Pile) -> bool:
    """Push the version in force when the pile holds another one and can take it; False when it cannot."""
    if pile.protocol != Pile.Protocol.YKC:
        return False
    version = version_in_force(pile=pile, at=clock.now())
    held = PileTariff.objects.unscoped("what a pile holds").filter(pile=pile).first()
    if version is None or (held is not None and held.version_id == version.pk):
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
    version = version_in_force(pile=pile, at=clock.now())
    if version is None:
        return False
    rows = PileTariff.objects.unscoped("what a pile holds")
    return not rows.filter(pile_id=pile.id, version=version).exists()


def push_due(*, actor: Actor, limit: int = 500) -> int:
    """Push to idle online YKC piles whose version is not the one in force; returns how many, at most `limit`."""
    pushed = 0
    piles = Pile.objects.unscoped("every pile").filter(pk__in=_piles_of_other_versions(clock.now()))
    for pile in piles.order_by("pk").iterator():
        pushed += push_if_due(actor=actor, pile=pile)
        if pushed >= limit:
            break
    return pushed


def _piles_of_other_versions(at: datetime) -> list[int]:
    """Online YKC piles that hold another version than the one in force, read for all of them at once."""
    why = "every pile"
    assignments = TariffAssignment.objects.unscoped(why)
    own = dict(assignments.exclude(pile=None).values_list("pile_id", "tariff_id"))
    usual = dict(assignments.filter(pile=None).values_list("station_id", "tariff_id"))
    versions = TariffVersion.objects.unscoped(why).filter(effective_at__lte=at).order_by("effective_at")
    newest = dict(versions.values_list("tariff_id", "pk"))
    held = dict(PileTariff.objects.unscoped(why).values_list("pile_id", "version_id"))
    piles = Pile.objects.unscoped(why).filter(protocol=Pile.Protocol.YKC, online=True)
    return [
        pk
        for pk, station_id in piles.values_list("pk", "station_id")
        if (wanted := newest.get(own.get(pk) or usual.get(station_id))) is not None and held.get(pk) != wanted
    ]
