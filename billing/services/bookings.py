"""Bookings of connectors: made, kept, and ended by coming, by cancelling, or by the clock.

The platform keeps the connector: nobody else starts there. A pile that can keep reservations is told as well, under
the booking's number, which is then the tag of the holder's order. The fee rule is frozen when the booking is made;
coming and cancelling cost the time, staying away the no-show amount on top.
"""

import logging
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from billing import payers
from billing.locks import lock_accounts, lock_booking
from billing.models import Account, Booking, ChargingOrder, Journal
from billing.models.booking import OPEN_BOOKING_STATES
from billing.pricing.components import ReservationFee, component_from_json
from billing.pricing.fees import TimedFee, reservation
from billing.services import fees, ledger
from billing.services.offers import offer_for
from billing.services.places import check_place
from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand
from devices.models import Reservation as PileReservation
from devices.protocols.capabilities import supports
from devices.services import reservations
from kernel import clock
from kernel.actor import Actor, ActorKind, system
from kernel.errors import DomainError
from kernel.services import audit
from kernel.states import StateMachine
from stations.models import Connector
from stations.modes import Method
from users import policy
from users.models import Driver
from users.services import edits

logger = logging.getLogger(__name__)
S = Booking.State
SHORTEST_MINUTES, LONGEST_MINUTES = 5, 120
BOOKABLE = (Connector.State.IDLE,)
BOOKING_STATES = StateMachine(
    "booking",
    {
        (S.ASKED.value, "kept"): S.ACTIVE.value,
        (S.ASKED.value, "refused"): S.REFUSED.value,
        (S.ASKED.value, "cancelled"): S.CANCELLED.value,
        (S.ASKED.value, "expired"): S.EXPIRED.value,
        (S.ASKED.value, "used"): S.USED.value,
        (S.ACTIVE.value, "used"): S.USED.value,
        (S.ACTIVE.value, "cancelled"): S.CANCELLED.value,
        (S.ACTIVE.value, "expired"): S.EXPIRED.value,
        (S.ACTIVE.value, "refused"): S.REFUSED.value,
    },
)


def book(*, actor: Actor, driver: Driver, connector_code: str, minutes: int) -> Booking:
    """Keep an idle connector for a driver, from now on for `minutes` (5 to 120).

    A driver books for themself. The most the fee may come to has to be free on the wallet.

    Raises:
        DomainError: `connector_unknown`, `booking_minutes`, `booking_exists` (the driver has one), `connector_busy`,
            `connector_reserved`, `driver_frozen`, `driver_in_arrears`, `insufficient_balance`, and those of the place.
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "booking"})
    if isinstance(minutes, bool) or not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        limits = {"least": SHORTEST_MINUTES, "most": LONGEST_MINUTES}
        raise DomainError("booking_minutes", limits, field="minutes")
    connectors = Connector.objects.unscoped("a driver may book any connector").select_related("station")
    connector = connectors.filter(code=connector_code).first()
    if connector is None:
        raise DomainError("connector_unknown", {"code": connector_code}, field="connector_code")
    wallet_id = ledger.wallet_of(driver).pk
    now = clock.now()
    with transaction.atomic():
        pile = lock_pile(connector.pile_id)
        wallet = lock_accounts([wallet_id])[wallet_id]
        connector = Connector.objects.unscoped("found above").select_related("station").get(pk=connector.pk)
        driver = Driver.objects.unscoped("the one who books").get(pk=driver.pk)
        check_place(connector, pile, connector.station, Method.SCAN, driver)
        if connector.state not in BOOKABLE:
            raise DomainError("connector_busy", {"code": connector.code})
        if driver.is_frozen:
            raise DomainError("driver_frozen")
        if owed := ledger.arrears_fen(driver):
            raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
        own = Booking.objects.unscoped("the driver's own").filter(
            driver=driver, state__in=OPEN_BOOKING_STATES
        )
        if (number := own.values_list("booking_no", flat=True).first()) is not None:
            raise DomainError("booking_exists", {"number": number})
        offer = offer_for(pile=pile, station=connector.station, driver=driver, at=now)
        rule = offer.snapshot.component(ReservationFee.kind) if offer is not None else None
        if rule is not None and wallet.available_fen < rule.cap_fen:
            raise ledger.insufficient(wallet.available_fen, rule.cap_fen)
        keeps = supports(pile.protocol, DeviceCommand.Kind.RESERVE)
        expires_at = now + timedelta(minutes=minutes)
        try:
            with transaction.atomic():
                booking = Booking.objects.create(
                    booking_no=_new_no(now),
                    operator_id=pile.operator_id,
                    station_id=pile.station_id,
                    pile=pile,
                    connector=connector,
                    driver=driver,
                    state=S.ASKED if keeps else S.ACTIVE,
                    rule=None if rule is None else rule.to_json(),
                    created_at=now,
                    expires_at=expires_at,
                )
        except IntegrityError:
            raise DomainError("connector_reserved", {"code": connector.code}) from None
        if keeps:
            reservations.reserve(
                actor=system("bookings"),
                pile=pile,
                connector_no=connector.number,
                id_tag=booking.booking_no,
                expires_at=expires_at,
                reference=booking.booking_no,
            )
        audit.record(
            actor=actor,
            action="billing.book",
            target=booking,
            after={"connector": connector.code, "until": expires_at.isoformat(), "state": booking.state},
        )
    return booking


def cancel(*, actor: Actor, booking_no: str, reason: str = "") -> Booking:
    """Give a booking up; the time until now is paid by its rule.

    A driver cancels their own; staff need `billing.cancel_booking` and a reason, and then it costs nothing.
    Raises `booking_unknown`, `booking_over`, `reason_required`, `permission_denied`.
    """
    by_staff = actor.kind is not ActorKind.ACCOUNT
    if by_staff:
        policy.require(actor, "billing.cancel_booking")
        reason = edits.require_reason(reason)
    found = Booking.objects.for_actor(actor).filter(booking_no=booking_no).first()
    if found is None:
        raise DomainError("booking_unknown", {"number": booking_no[:20]})
    with transaction.atomic():
        lock_pile(found.pile_id)
        booking = lock_booking(found.pk)
        if not booking.is_open:
            raise DomainError("booking_over", {"number": booking.booking_no})
        before = booking.state
        free = by_staff or before == S.ASKED
        _end(booking, "cancelled", actor, came=None if free else True, reason=reason or "driver")
        _tell_pile(booking)
        audit.record(
            actor=actor,
            action="billing.cancel_booking",
            target=booking,
            reason=reason,
            before={"state": before},
            after={"state": booking.state, "amount_fen": booking.amount_fen},
        )
    return booking


def waive(*, actor: Actor, booking_no: str, reason: str) -> Booking:
    """Give back the fee of a booking that led to no order; what the driver owes is paid from it first.

    Needs `billing.waive_fee` and a reason. Raises `booking_unknown`, `booking_no_fee`, `reason_required`,
    `permission_denied`.
    """
    policy.require(actor, "billing.waive_fee")
    reason = edits.require_reason(reason)
    found = Booking.objects.for_actor(actor).filter(booking_no=booking_no).first()
    if found is None:
        raise DomainError("booking_unknown", {"number": booking_no[:20]})
    with transaction.atomic():
        booking = lock_booking(found.pk)
        if booking.journal_id is None or booking.waiver_id is not None:
            raise DomainError("booking_no_fee", {"number": booking.booking_no})
        booking.waiver = ledger.credit(
            key=f"waive-booking:{booking.pk}",
            kind=Journal.Kind.CORRECTION,
            source=ledger.account_of(Account.Kind.OPERATOR_RESERVATION, operator=booking.operator),
            driver=booking.driver,
            amount_fen=booking.amount_fen,
            actor=actor,
            memo=booking.booking_no,
        )
        booking.waived_by, booking.waive_reason = actor.name[:128], reason[:255]
        booking.save(update_fields=["waiver", "waived_by", "waive_reason"])
        audit.record(
            actor=actor,
            action="billing.waive_booking_fee",
            target=booking,
            reason=reason,
            after={"amount_fen": booking.amount_fen},
        )
    return booking


def use(booking: Booking, order: ChargingOrder, actor: Actor) -> None:
    """The holder's order has begun on the kept connector; the caller holds the pile's lock."""
    booking = lock_booking(booking.pk)
    if not booking.is_open:
        return
    booking.order = order
    booking.state = BOOKING_STATES.next_state(booking.state, "used")
    booking.ended_at = clock.now()
    if booking.rule is not None:
        fee = fees.book_fee(
            actor=actor,
            order=order,
            kind=ReservationFee.kind,
            began_at=booking.created_at,
            ended_at=booking.ended_at,
            rule=component_from_json(booking.rule),
        )
        booking.amount_fen = 0 if fee is None else fee.amount_fen
    booking.save(update_fields=["order", "state", "ended_at", "amount_fen"])


def expire_due(*, actor: Actor, limit: int = 500) -> int:
    """End bookings whose time is over; returns how many. One fault stops no other."""
    due = Booking.objects.unscoped("sweep").filter(state__in=OPEN_BOOKING_STATES, expires_at__lte=clock.now())
    ended = 0
    for pk, pile_id in list(due.order_by("expires_at").values_list("pk", "pile_id")[:limit]):
        try:
            with transaction.atomic():
                lock_pile(pile_id)
                booking = lock_booking(pk)
                if booking.is_open:
                    came = None if booking.state == S.ASKED else False
                    _end(booking, "expired", actor, came=came)
                    ended += 1
        except Exception:
            logger.exception("booking %s could not be ended", pk)
    return ended


def pile_answered(*, command: DeviceCommand) -> None:
    """The pile keeps what it was asked to keep. A refusal comes as `ReservationEnded`."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    numbers = PileReservation.objects.unscoped("the pile's own word").filter(
        pk=command.params.get("reservation_id") or 0, pile_id=command.pile_id
    )
    number = numbers.values_list("reference", flat=True).first()
    rows = Booking.objects.unscoped("the pile's own word").filter(
        booking_no=number or "-", pile_id=command.pile_id
    )
    rows.filter(state=S.ASKED).update(state=S.ACTIVE)


def pile_ended(*, event: events.ReservationEnded, actor: Actor) -> None:
    """A pile refused or dropped what it was to keep: nobody pays. Its own expiry is the clock's, as ours."""
    if (
        event.state not in (PileReservation.State.REFUSED, PileReservation.State.REMOVED)
        or not event.reference
    ):
        return
    rows = Booking.objects.unscoped("the pile's own word")
    found = rows.filter(booking_no=event.reference, pile_id=event.pile.id).first()
    if found is None:
        return
    with transaction.atomic():
        lock_pile(found.pile_id)
        booking = lock_booking(found.pk)
        if booking.is_open:
            _end(booking, "refused", actor, came=None, reason=event.state)


def fee_until(booking: Booking, until: datetime, *, came: bool) -> TimedFee:
    """What the booking's rule comes to at a moment."""
    rule = component_from_json(booking.rule)
    return reservation(rule, reserved=booking.created_at, until=until, came=came)


def _end(booking: Booking, event: str, actor: Actor, *, came: bool | None, reason: str = "") -> None:
    """End a locked booking without an order; `came` None costs nothing."""
    booking.state = BOOKING_STATES.next_state(booking.state, event)
    booking.ended_at, booking.reason = min(clock.now(), booking.expires_at), reason[:255]
    if came is not None and booking.rule is not None:
        booking.amount_fen = fee_until(booking, booking.ended_at, came=came).fen
    if booking.amount_fen:
        booking.journal = _charge(booking, actor)
    booking.save(update_fields=["state", "ended_at", "reason", "amount_fen", "journal"])


def _charge(booking: Booking, actor: Actor) -> Journal:
    """The wallet pays what is free on it, the rest is owed."""
    payer = payers.of_driver(booking.driver)
    wallet = ledger.paying_account(payer)
    arrears = ledger.account_of(Account.Kind.ARREARS, payer=payer)
    income = ledger.account_of(Account.Kind.OPERATOR_RESERVATION, operator=booking.operator)
    locked = lock_accounts([wallet.pk, arrears.pk, income.pk])
    paid = max(min(booking.amount_fen, locked[wallet.pk].available_fen), 0)
    return ledger.post(
        key=f"booking:{booking.pk}",
        kind=Journal.Kind.ORDER_FEE,
        lines=[(wallet, -paid), (arrears, paid - booking.amount_fen), (income, booking.amount_fen)],
        actor=actor,
        memo=booking.booking_no,
    )


def _tell_pile(booking: Booking) -> None:
    """Ask the pile to drop what it keeps; one that cannot be told drops it when its time is over."""
    rows = PileReservation.objects.unscoped("of a booking in scope").filter(
        pile_id=booking.pile_id, reference=booking.booking_no
    )
    row = next((one for one in rows if one.is_open), None)
    if row is None:
        return
    try:
        with transaction.atomic():
            reservations.cancel(actor=system("bookings"), reservation=row, reason="booking cancelled")
    except DomainError as refusal:
        logger.info("pile of booking %s not told: %s", booking.booking_no, refusal.code)


def _new_no(now: datetime) -> str:
    return f"B{now:%y%m%d}{secrets.randbelow(10**10):010d}"
