"""Starting and stopping charging orders.

A start checks everything under the locks of the pile and of the payer's account, reserves the money, and queues
the command in the same transaction: either all of it exists or nothing does.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from billing.locks import lock_order
from billing.models import ChargingOrder
from billing.models.order import OPEN_STATES
from billing.pricing import PricingError
from billing.pricing.components import PackageFee
from billing.services import bookings, discounts, ledger, order_coupons, paying
from billing.services.extensions import wire_limits
from billing.services.offers import Offer, least_fen
from billing.services.order_states import move, note
from billing.services.paying import Party, Terms
from billing.services.places import check_place
from billing.services.targets import Targets, strategy_at, within
from billing.services.tariffs import invalid, snapshot_of
from devices.locks import lock_pile
from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Connector, Pile
from stations.modes import Method, Mode
from users import policy
from users.models import Card, Driver, Enterprise

WIRE_ZONE = ZoneInfo("Asia/Shanghai")
S = ChargingOrder.State
# How the mode matrix calls a start; staff start as the driver would from the app.
WAYS = {
    ChargingOrder.StartMethod.CODE: Method.SCAN,
    ChargingOrder.StartMethod.STAFF: Method.SCAN,
    ChargingOrder.StartMethod.CARD: Method.CARD,
    ChargingOrder.StartMethod.OFFLINE_CARD: Method.CARD,
    ChargingOrder.StartMethod.VIN: Method.VIN,
    ChargingOrder.StartMethod.PLUG: Method.PLUG,
}


def start_order(
    *,
    actor: Actor,
    connector_code: str,
    driver: Driver,
    start_method: str = ChargingOrder.StartMethod.CODE,
    limit_fen: int | None = None,
    targets: Targets | None = None,
    package_fen: int | None = None,
    enterprise: Enterprise | None = None,
    card: Card | None = None,
    coupon: str = "",
    by_score: bool = False,
) -> ChargingOrder:
    """Open an order on a connector, hold the payer's money and send the start command.

    Args:
        driver: who charges. A driver starts for themself only; staff need `stations.remote_start` and name one.
        limit_fen: at most this much is held and charged; default is the platform's usual hold.
        targets: limits of energy, time and SoC; the strategy of the place may lower them.
        package_fen: the amount bought ahead, where the tariff sells time in packages.
        enterprise: pays instead of the driver's wallet, within the driver's limits as its member.
        card: the driver's own card, whose payer pays.
        coupon: the number of one of the driver's coupons, to be used on this order.
        by_score: a service order of pay score stands behind it (`billing.services.score_orders`): nothing is held.

    Returns:
        The order in state `starting`; it is closed again when the pile refuses or stays silent.

    Raises:
        DomainError: `connector_unknown`, `station_closed`, `pile_offline`, `pile_out_of_service`,
            `connector_fault`, `connector_busy`, `connector_reserved`, `method_not_allowed`, `no_tariff`, `tariff_not_on_pile`, `driver_frozen`,
            `driver_in_arrears`, `driver_busy`, `insufficient_balance`, `amount_invalid`, `command_pending`,
            `strategy_refuses`, `package_invalid`, `coupon_unknown`, `coupon_not_usable`, `permission_denied`, and
            those of `billing.services.paying` for cards and enterprises.
    """
    _require_may_start(actor, driver)
    connector = _connector_for(actor, connector_code)
    if limit_fen is not None:
        ledger.check_amount(limit_fen, "limit_fen")
    if card is not None:
        if card.driver_id != driver.pk:
            raise DomainError("card_unknown", {"number": card.logical_no}, field="card")
        party = paying.party_of_card(card)
    elif enterprise is not None:
        party = paying.party_of_member(driver, enterprise)
    else:
        party = paying.party_of_driver(driver)
    with transaction.atomic():
        pile = lock_pile(connector.pile_id)
        order = open_order(
            actor=actor,
            connector=connector,
            pile=pile,
            party=party,
            start_method=start_method,
            by_staff=actor.kind is ActorKind.STAFF,
            limit_fen=limit_fen,
            targets=targets,
            package_fen=package_fen,
            coupon=coupon,
            by_score=by_score,
        )
        send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.START,
            connector_no=connector.number,
            params={
                "order_no": order.order_no,
                "transaction_ref": order.transaction_ref,
                "id_tag": order.id_tag,
                "balance_fen": wire_balance_fen(order),
                **({"limits": order.targets} if order.targets else {}),
                **wire_limits(order),
                **_card_params(driver, card),
            },
            reference=order.order_no,
            timeout_s=settings.START_TIMEOUT_S,
        )
    return order


def open_order(
    *,
    actor: Actor,
    connector: Connector,
    pile: Pile,
    party: Party,
    start_method: str,
    by_staff: bool = False,
    limit_fen: int | None = None,
    targets: Targets | None = None,
    package_fen: int | None = None,
    coupon: str = "",
    by_score: bool = False,
    transaction_ref: str | None = None,
    id_tag: str | None = None,
) -> ChargingOrder:
    """Check everything and open the order with its hold, for every way to start; `pile` is locked by the caller.

    `transaction_ref` and `id_tag` are those of a pile that names its sessions itself. Raises as `start_order`.
    """
    connectors = Connector.objects.unscoped("found by the caller").select_related("station")
    connector = connectors.get(pk=connector.pk)
    purse = paying.lock_for(party)
    offer, mode, booking = check_place(connector, pile, connector.station, WAYS[start_method], party.driver)
    if booking is not None and pile.protocol != Pile.Protocol.YKC and id_tag is None:
        id_tag = booking.booking_no  # what the pile keeps the connector for
    party = paying.check_party(party, connector.station)
    free = mode == Mode.OFFLINE_FREE
    wanted = within(strategy_at(pile), targets or Targets(fen=limit_fen), method=start_method)
    wanted = _with_package(offer, wanted, package_fen)
    if free:
        terms = paying.NOTHING_TO_PAY
    else:
        most = min((fen for fen in (wanted.fen, limit_fen) if fen is not None), default=None)
        least = least_fen(offer.snapshot, package_fen)
        if by_score:
            terms = paying.terms_by_score(party, most, least)
        else:
            terms = paying.terms_for(party, purse, connector.station, most, least)
    method = ChargingOrder.StartMethod.STAFF if by_staff else start_method
    order = _create(
        connector, pile, party, terms, offer, method, mode, wanted, package_fen, transaction_ref, id_tag
    )
    if not free:
        _freeze_discounts(order, offer, coupon)
    hold_fen = terms.hold_fen
    if booking is not None:
        bookings.use(booking, order, actor)
        purse = paying.lock_for(party)  # the booking's fee has left it
        if (short := hold_fen - max(purse.available_fen, 0)) > 0:
            hold_fen -= short
            order.stop_at_fen -= short
            order.save(update_fields=["stop_at_fen"])
    if hold_fen:
        ledger.hold(order=order, amount_fen=hold_fen, purse=purse)
    note(order, "created", actor, {"hold_fen": hold_fen}, to_state=order.state)
    audit.record(
        actor=actor,
        action="billing.start_order",
        target=order,
        after={
            "connector": connector.code,
            "driver": order.driver_id,
            "payer": order.payer_kind,
            "hold_fen": hold_fen,
            "charge_mode": mode,
        },
    )
    return order


def wire_balance_fen(order: ChargingOrder) -> int:
    """What a pile is told that may flow; of a free session as much as usual."""
    return settings.DEFAULT_HOLD_FEN if order.stop_at_fen is None else order.stop_at_fen


def why_not_startable(*, connector: Connector, driver: Driver | None = None) -> DomainError | None:
    """The reason why nobody (or this driver) could start here right now, or None; for showing, not for deciding."""
    try:
        check_place(connector, connector.pile, connector.station, Method.SCAN, driver)
    except DomainError as refusal:
        return refusal
    orders = ChargingOrder.objects.unscoped("any order occupies the connector")
    if orders.filter(connector=connector, state__in=OPEN_STATES).exists():
        return DomainError("connector_busy", {"code": connector.code})
    return None


def stop_order(*, actor: Actor, order_no: str, reason: str = "") -> ChargingOrder:
    """Ask the pile to stop an order; stopping one that is stopping already sends the command again if it may.

    A driver stops only their own orders, staff need `stations.remote_stop` and scope on the order.

    Raises:
        DomainError: `order_unknown`, `order_not_running`, `pile_offline`, `permission_denied`.
    """
    found = ChargingOrder.objects.for_actor(actor).filter(order_no=order_no).first()
    if found is None:
        raise DomainError("order_unknown", {"order_no": order_no})
    if actor.kind is not ActorKind.ACCOUNT:
        policy.require(actor, "stations.remote_stop")
    with transaction.atomic():
        order = lock_order(found.pk)
        if not order.is_open:
            raise DomainError("order_not_running", {"order_no": order_no})
        before = order.state
        request_stop(order, actor, reason=reason or "requested")
        audit.record(
            actor=actor,
            action="billing.stop_order",
            target=order,
            reason=reason,
            before={"state": before},
            after={"state": order.state},
        )
    return order


def request_stop(order: ChargingOrder, actor: Actor, *, reason: str) -> None:
    """Send the stop command of a locked open order and move it to `stopping`.

    Raises `pile_offline`; a stop command that is still pending is enough. A transaction that has no number yet
    is stopped when it gets one.
    """
    if order.transaction_ref:
        try:
            send_stop(order, actor)
        except DomainError as refusal:
            if refusal.code != "command_pending":
                raise
    if order.state != S.STOPPING:
        due_at = clock.now() + timedelta(seconds=settings.COMMAND_TIMEOUT_S + settings.RECORD_TIMEOUT_S)
        move(order, "stop_requested", actor, {"reason": reason}, due_at=due_at)


def send_stop(order: ChargingOrder, actor: Actor) -> DeviceCommand:
    """Queue the stop command for an order's connector, whatever the order's state."""
    params: dict[str, Any] = {"transaction_ref": order.transaction_ref, "order_no": order.order_no}
    return send_command(
        actor=actor,
        pile=order.pile,
        kind=DeviceCommand.Kind.STOP,
        connector_no=order.connector.number,
        params=params,
        reference=order.order_no,
    )


def try_stop(order: ChargingOrder, actor: Actor) -> bool:
    """`send_stop` for moments when nobody can be told about a refusal; False when it could not be queued."""
    if not order.transaction_ref:
        return False  # OCPP stops a transaction by its number, and there is none yet
    try:
        with transaction.atomic():
            send_stop(order, actor)
    except DomainError:
        return False
    return True


def new_order_no(now: datetime) -> str:
    """20 digits that nobody can guess: also the tag an OCPP pile knows the order by (at most 20 characters)."""
    return f"{now.astimezone(WIRE_ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**8):08d}"


def _require_may_start(actor: Actor, driver: Driver) -> None:
    if actor.kind is ActorKind.ACCOUNT:
        if actor.id != str(driver.pk):
            raise DomainError("permission_denied", {"permission": "stations.remote_start"})
    else:
        policy.require(actor, "stations.remote_start")


def _connector_for(actor: Actor, code: str) -> Connector:
    connectors = (
        Connector.objects.unscoped("a driver may charge at any connector")
        if actor.kind is ActorKind.ACCOUNT
        else Connector.objects.for_actor(actor)
    )
    connector = connectors.filter(code=code).first()
    if connector is None:
        raise DomainError("connector_unknown", {"code": code}, field="connector_code")
    return connector


def _with_package(offer: Offer, wanted: Targets, package_fen: int | None) -> Targets:
    """The limits with the time that was bought ahead; raises `package_invalid`."""
    package = offer.snapshot.component(PackageFee.kind)
    if package_fen is None and package is None:
        return wanted
    if not isinstance(package, PackageFee) or package_fen is None:
        accepted = (
            ", ".join(str(fen) for fen, _s in package.pairs) if isinstance(package, PackageFee) else "–"
        )
        raise DomainError(
            "package_invalid", {"fen": package_fen or 0, "accepted": accepted}, field="package_fen"
        )
    try:
        bought = package.seconds_of(package_fen)
    except PricingError as error:
        raise invalid(error, "package_invalid") from None
    return replace(wanted, seconds=min(bought, wanted.seconds or bought))


def _freeze_discounts(order: ChargingOrder, offer: Offer, coupon: str) -> None:
    """Keep the discounts that are still to be had, and the coupon, with the order; its snapshot names them."""
    rules = [discounts.rule_of(one) for one in discounts.freeze(order, offer.discounts)]
    if coupon:
        rules.append(order_coupons.take(order, coupon))
    if not rules:
        return
    rules = tuple(rules)
    order.tariff_snapshot = replace(offer.snapshot, discounts=rules).to_json()
    order.save(update_fields=["tariff_snapshot"])


def _card_params(driver: Driver, card: Card | None) -> dict[str, Any]:
    """The card that may end this session at the pile: the one that pays, or the first of the driver's own."""
    if card is None:
        own = Card.objects.unscoped("the driver's own cards").filter(driver=driver, state=Card.State.ACTIVE)
        card = own.order_by("pk").first()
    if card is None:
        return {}
    return {"logical_card": card.logical_no, "physical_card": card.physical_no}


def _create(
    connector: Connector,
    pile: Pile,
    party: Party,
    terms: Terms,
    offer: Offer,
    start_method: str,
    mode: Mode,
    wanted: Targets,
    package_fen: int | None,
    transaction_ref: str | None,
    id_tag: str | None,
) -> ChargingOrder:
    """Insert the order; the database decides who of two is first on a connector."""
    now = clock.now()
    order_no = new_order_no(now)
    is_ykc = pile.protocol == Pile.Protocol.YKC
    free = mode == Mode.OFFLINE_FREE
    snapshot = replace(offer.snapshot, discounts=())  # those are kept once their budgets are reserved
    if free:
        snapshot = snapshot_of(offer.version, zone=connector.station.time_zone, profile="", free=True)
        snapshot = replace(snapshot, slots=offer.snapshot.slots)
    try:
        with transaction.atomic():
            return ChargingOrder.objects.create(
                order_no=order_no,
                operator_id=pile.operator_id,
                station=connector.station,
                pile=pile,
                connector=connector,
                driver=party.driver,
                payer_kind=party.payer.kind,
                enterprise=party.enterprise,
                card=party.card,
                vin=party.vin,
                cover=terms.cover,
                start_method=start_method,
                state=S.STARTING,
                transaction_ref=transaction_ref or (_ykc_transaction_ref(pile, connector) if is_ykc else ""),
                id_tag=("" if is_ykc else order_no) if id_tag is None else id_tag,
                stop_at_fen=terms.stop_at_fen,
                tariff_version=offer.version,
                tariff_snapshot=snapshot.to_json(),
                held_snapshot=None if free or offer.held is None else offer.held.to_json(),
                targets=replace(wanted, fen=None).to_json(),
                package_fen=package_fen,
                charge_mode=mode,
                created_at=now,
                due_at=now + timedelta(seconds=settings.START_TIMEOUT_S),
            )
    except IntegrityError:
        raise DomainError("connector_busy", {"code": connector.code}) from None


def _ykc_transaction_ref(pile: Pile, connector: Connector) -> str:
    """32 digits: pile 14, gun 2, yyMMddHHmmss in Beijing time, counter 4 (YKC V1.6 §4); under the pile's lock."""
    stem = f"{pile.code}{connector.number:02d}{clock.now().astimezone(WIRE_ZONE):%y%m%d%H%M%S}"
    used = ChargingOrder.objects.unscoped("numbers of one second").filter(
        pile=pile, transaction_ref__startswith=stem
    )
    return f"{stem}{used.count() % 10_000:04d}"
