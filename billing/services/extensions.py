"""Buying more on a port that charges: the same order goes on, with more money, time or energy.

What was bought stands in the order (its hold, its packages, its limits); the pile is told the whole of it, never the
difference, so that a command that arrives twice changes nothing. A pile that does not take it ends when it would
have ended, and what it did not deliver is not charged.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.locks import lock_order
from billing.models import ChargingOrder
from billing.pricing import PricingError, Usage, advance, charge, segments_from_json
from billing.pricing.components import PackageFee
from billing.services import deadlines, ledger
from billing.services.evidence import points_from_json, snapshot_of_order
from billing.services.order_states import note
from billing.services.tariffs import invalid
from devices.locks import lock_pile
from devices.models import DeviceCommand
from devices.protocols.capabilities import supports
from devices.services.commands import send_command
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Connector, Pile
from users import policy
from users.models import Driver

S = ChargingOrder.State
EBIKE_PROTOCOLS = (Pile.Protocol.DNY, Pile.Protocol.MQTT)
LONGEST_ON_WIRE_S = 65_535  # two bytes of a DNY frame; beyond it the platform alone counts
LONGEST_LOOK_S = 24 * 3600
UNIT = Decimal("0.0001")
MOST_ON_WIRE_KWH = Decimal(655)


def extend_order(
    *,
    actor: Actor,
    order_no: str,
    amount_fen: int | None = None,
    package_fen: int | None = None,
    seconds: int | None = None,
    energy_kwh: Decimal | None = None,
) -> ChargingOrder:
    """Add to a running order what its payer buys on top.

    Args:
        amount_fen: so much more is held and may be used up; of a package its own price when left out.
        package_fen: the package, where the tariff sells time in packages.
        seconds, energy_kwh: added to such limits of the order, where it has them.

    Raises:
        DomainError: `order_unknown`, `order_not_running`, `driver_frozen`, `extend_not_possible`, `extend_needs_hold`,
            `nothing_to_add`, `package_invalid`, `amount_invalid`, `insufficient_balance`, `pile_offline`, `command_pending`, `permission_denied`.
    """
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    if actor.kind is not ActorKind.ACCOUNT:
        policy.require(actor, "stations.remote_start")
    with transaction.atomic():
        pile = lock_pile(found.pile_id)
        order = lock_order(found.pk)
        if order.state not in (S.STARTING, S.CHARGING) or order.is_free or order.stop_at_fen is None:
            raise DomainError("order_not_running", {"order_no": order_no})
        if order.driver is not None and order.driver.is_frozen:
            raise DomainError("driver_frozen")
        if not supports(pile.protocol, DeviceCommand.Kind.EXTEND):
            raise DomainError("extend_not_possible", {"code": pile.code})
        before = {"stop_at_fen": order.stop_at_fen, "targets": order.targets}
        bought_s = _bought(order, package_fen)
        added = amount_fen if amount_fen is not None else package_fen
        if added is None:
            raise DomainError("nothing_to_add", field="amount_fen")
        most = ledger.MAX_TOP_UP_FEN
        if isinstance(added, bool) or not (package_fen or 1) <= added <= most:
            raise DomainError("amount_invalid", {"amount": added, "maximum": most}, field="amount_fen")
        targets = dict(order.targets)
        if (bought_s or seconds) and "seconds" in targets:
            targets["seconds"] += bought_s or seconds
        if energy_kwh is not None and "energy_kwh" in targets:
            targets["energy_kwh"] = str(Decimal(targets["energy_kwh"]) + energy_kwh)
        order.targets = targets
        order.stop_due_at = deadlines.due_at(order)
        least = added
        if amount_fen is None:  # what is held already may cover a package
            packages = order.package_fen + sum(order.further_packages)
            least = max(packages + order.electricity_fen - order.stop_at_fen, 0)
        raised = ledger.raise_hold(order=order, amount_fen=added, least_fen=least)
        if amount_fen is not None and not raised:
            raise DomainError("extend_needs_hold", {"order_no": order_no}, field="amount_fen")
        order.stop_at_fen += raised
        order.save(update_fields=["targets", "stop_at_fen", "stop_due_at", "further_packages", "package_fen"])
        if limits := wire_limits(order):  # of money alone only the platform counts
            send_command(
                actor=actor,
                pile=pile,
                kind=DeviceCommand.Kind.EXTEND,
                connector_no=order.connector.number,
                params={
                    "order_no": order.order_no,
                    "transaction_ref": order.transaction_ref,
                    "balance_fen": order.stop_at_fen,
                    **limits,
                },
                reference=order.order_no,
            )
        note(order, "extended", actor, {"amount_fen": added, "package_fen": package_fen or 0})
        audit.record(
            actor=actor,
            action="billing.extend_order",
            target=order,
            before=before,
            after={"stop_at_fen": order.stop_at_fen, "targets": order.targets},
        )
    return order


def running_order(*, driver: Driver, connector: Connector) -> ChargingOrder | None:
    """The driver's own order that charges, or is starting, on a connector; what a second payment adds to."""
    rows = ChargingOrder.objects.unscoped("a driver's own order")
    return rows.filter(driver=driver, connector=connector, state__in=(S.STARTING, S.CHARGING)).first()


def wire_limits(order: ChargingOrder) -> dict[str, Any]:
    """What an e-bike box is told of the limits that were bought, so that it ends by itself without a link.

    A full battery ends the charge as well: what is left of the time is then not charged.
    """
    if order.pile.protocol not in EBIKE_PROTOCOLS:
        return {}
    seconds, energy = order.targets.get("seconds"), order.targets.get("energy_kwh")
    if seconds is not None and seconds <= LONGEST_ON_WIRE_S:
        return {"duration_s": seconds, "stop_at_full": True}
    if energy is not None and Decimal(energy) <= MOST_ON_WIRE_KWH:
        return {"energy_kwh": str(energy), "stop_at_full": True}
    return {}


def remaining_s(order: ChargingOrder, now: datetime) -> int | None:
    """Seconds of charging that a running order has left: of its time, or of its money at the power it draws now.

    None when neither is limited, or no power was read yet.
    """
    if order.state not in (S.CHARGING, S.STOPPING) or order.started_at is None:
        return None
    still = deadlines.open_pause(order)
    at = still[0] if still is not None else now
    left: list[int] = []
    if seconds := order.targets.get("seconds"):
        used = at - order.started_at - deadlines.paused_for(order)
        left.append(max(seconds - int(used.total_seconds()), 0))
    if order.stop_at_fen is not None and order.power_kw and order.last_sample_at is not None:
        left.append(_affordable_s(order, max(at, order.last_sample_at)))
    return min(left, default=None)


def _affordable_s(order: ChargingOrder, at: datetime) -> int:
    """The seconds that the money left buys at the power now, by the function that also makes the bill."""
    snapshot = snapshot_of_order(order)
    watts = int(order.power_kw * 1000)
    segments = segments_from_json(order.segments)
    low, high = 0, LONGEST_LOOK_S
    while low < high:
        middle = (low + high + 1) // 2
        end = at + timedelta(seconds=middle)
        energy = (Decimal(watts) * int((end - order.last_sample_at).total_seconds()) / 3_600_000).quantize(
            UNIT
        )
        foreseen = advance(
            segments,
            (order.last_sample_at, order.energy_kwh),
            (end, order.energy_kwh + energy),
            snapshot.zone,
        )
        if charge(snapshot, live_usage(order, foreseen, end)).total_fen <= order.stop_at_fen:
            low = middle
        else:
            high = middle - 1
    return low


def live_usage(order: ChargingOrder, segments: Mapping[str, Decimal], until: datetime | None = None) -> Usage:
    """What a running order has used up to its last reading, or up to a later moment."""
    ended_at = until or order.last_sample_at
    return Usage(
        segments=segments,
        started_at=order.started_at,
        ended_at=ended_at,
        power=points_from_json(order.power_steps),
        package_fen=order.package_fen,
        further_packages_fen=tuple(order.further_packages),
        pauses=deadlines.pauses_of(order, ended_at),
    )


def command_ended(order: ChargingOrder, command: DeviceCommand, actor: Actor) -> None:
    """The pile's answer to what was added; a refusal stands on the timeline, the platform goes on counting."""
    if command.state != DeviceCommand.State.ACCEPTED:
        note(order, "extend_failed", actor, {"command": command.pk, "reason": command.reason})


def _bought(order: ChargingOrder, package_fen: int | None) -> int:
    """Seconds of the package on top, kept with the order; 0 where the tariff sells none."""
    package = snapshot_of_order(order).component(PackageFee.kind)
    if not isinstance(package, PackageFee):
        if package_fen is not None:
            raise DomainError("package_invalid", {"fen": package_fen, "accepted": "–"}, field="package_fen")
        return 0
    accepted = ", ".join(str(fen) for fen, _seconds in package.pairs)
    if package_fen is None:
        raise DomainError("package_invalid", {"fen": 0, "accepted": accepted}, field="package_fen")
    try:
        seconds = package.seconds_of(package_fen)
    except PricingError as error:
        raise invalid(error, "package_invalid") from None
    order.further_packages = [*order.further_packages, package_fen]
    return seconds
