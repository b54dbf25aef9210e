"""What a charge would be priced by: one answer for the estimate, the preview and the start of an order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.models import Discount, PileTariff, TariffVersion
from billing.pricing import TariffSnapshot
from billing.pricing.components import MinimumFee, StartFee, UseFee
from billing.services import discounts, tariff_push, tariffs
from billing.services.price_groups import price_groups_of
from kernel.errors import DomainError
from stations.models import Pile, Station
from users.models import Driver


@dataclass(frozen=True, slots=True)
class Offer:
    """`snapshot` is what an order would freeze, its discounts included; `held` what the pile itself counts by,
    where that is another price."""

    version: TariffVersion
    snapshot: TariffSnapshot
    held: TariffSnapshot | None = None
    discounts: Sequence[Discount] = field(default_factory=tuple)


def offer_for(
    *, pile: Pile, station: Station, driver: Driver | None, at: datetime, must_hold: bool = False
) -> Offer | None:
    """The offer of a pile to a driver (None: to anybody) at a moment; None when no tariff is in force.

    `must_hold` asks that a pile that prices itself has confirmed the version it should hold; raises
    `tariff_not_on_pile`. It may still hold another day of it, as for a moment after midnight.
    """
    groups = price_groups_of(driver, pile.operator_id)
    version = tariffs.version_in_force(pile=pile, at=at, groups=groups)
    if version is None:
        return None
    zone = station.time_zone
    held = None
    if pile.protocol == Pile.Protocol.YKC:
        everybodys = None if groups else version
        snapshot, held = _beside_the_pile(pile, version, everybodys, zone, at, must_hold)
    else:
        snapshot = tariffs.snapshot_of(version, zone=zone, at=at)
    found = discounts.discounts_for(pile=pile, driver=driver, groups=groups, at=at)
    rules = tuple(discounts.rule_of(one) for one in found)
    return Offer(version, replace(snapshot, discounts=rules) if rules else snapshot, held, found)


def _beside_the_pile(
    pile: Pile,
    version: TariffVersion,
    everybodys: TariffVersion | None,
    zone: str,
    at: datetime,
    must_hold: bool,
) -> tuple[TariffSnapshot, TariffSnapshot | None]:
    """The snapshots of a pile that prices itself: it knows one day at a time and only everybody's price."""
    wanted = tariff_push.wanted_on(pile=pile, at=at, version=everybodys)
    there = held_by(pile)
    has_version = wanted is not None and there is not None and there.version_id == wanted.version.pk
    if must_hold and not has_version:
        raise DomainError("tariff_not_on_pile", {"code": pile.code})
    if wanted is None:
        return tariffs.snapshot_of(version, zone=zone, at=at), None
    # The driver pays the price of the day, whichever day of the version the pile still counts by.
    profile = there.profile if there is not None and has_version else wanted.profile
    if wanted.version.pk == version.pk:
        snapshot = tariffs.snapshot_of(version, zone=zone, profile=wanted.profile)
        if profile == wanted.profile:
            return snapshot, None
    else:
        snapshot = tariffs.snapshot_of(version, zone=zone, at=at)
    return snapshot, tariffs.snapshot_of(wanted.version, zone=zone, profile=profile)


def held_by(pile: Pile) -> PileTariff | None:
    """What a pile that prices itself says it holds."""
    held = PileTariff.objects.unscoped("the pile was read in scope").select_related("version__tariff")
    return held.filter(pile=pile).first()


def least_fen(snapshot: TariffSnapshot, package_fen: int | None = None) -> int:
    """What the shortest charge costs: the money that must be there to start at all."""
    fixed = sum(one.fen for one in snapshot.components if isinstance(one, StartFee | UseFee))
    minimum = max((one.fen for one in snapshot.components if isinstance(one, MinimumFee)), default=0)
    return max(fixed + (package_fen or 0), minimum)
