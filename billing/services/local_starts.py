"""Starts that are asked for at the pile, by card or by VIN: one decision, with the reason a pile can show.

A card or a vehicle goes through every check of a start from the app. What is refused changes nothing.
"""

import logging
from collections.abc import Callable

from django.db import transaction

from billing.models import ChargingOrder
from billing.services import paying
from billing.services.orders import open_order, wire_balance_fen
from billing.services.paying import Party
from devices.events import Authorization, AuthorizationRequested, StartDecision, StartRequested
from devices.locks import lock_pile
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Connector, Pile
from users.models import Card, EnterpriseMember, Vehicle
from users.services.cards import find_card, password_is_right
from users.services.vehicles import find_vehicle

logger = logging.getLogger(__name__)
S = ChargingOrder.State

# Our refusals as those that a pile knows (`devices.events.START_REFUSALS`).
REFUSAL_OF = {
    "card_unusable": "account_frozen",
    "card_expired": "account_frozen",
    "driver_frozen": "account_frozen",
    "enterprise_inactive": "account_frozen",
    "card_unsettled": "unsettled_record",
    "driver_busy": "unsettled_record",
    "vehicle_busy": "unsettled_record",
    "card_not_here": "not_allowed_here",
    "enterprise_not_here": "not_allowed_here",
    "enterprise_member_unknown": "not_allowed_here",
    "enterprise_full": "not_allowed_here",
    "insufficient_balance": "balance_too_low",
    "driver_in_arrears": "balance_too_low",
    "member_limit_reached": "balance_too_low",
    "station_closed": "pile_stopped",
    "pile_out_of_service": "pile_stopped",
    "pile_offline": "pile_stopped",
    "connector_fault": "pile_stopped",
    "no_tariff": "pile_stopped",
    "tariff_not_on_pile": "pile_stopped",
    "connector_busy": "pile_has_unsettled_record",
    "connector_reserved": "not_allowed_here",
    "capacity_short": "station_capacity_short",
    "wrong_password": "wrong_password",
    "method_not_allowed": "not_allowed_here",
}
_AUTHORIZATION_OF = {
    "no_account": "invalid",
    "account_frozen": "blocked",
    "unsettled_record": "concurrent",
}

# What upper floors say about a connector before somebody starts there: they raise `capacity_short`.
_CAPACITY_CHECKS: list[Callable[[Connector], None]] = []


def register_capacity_check(check: Callable[[Connector], None]) -> None:
    """Register a check of the station's capacity; it raises DomainError `capacity_short`."""
    if check not in _CAPACITY_CHECKS:
        _CAPACITY_CHECKS.append(check)


def decide_start(*, actor: Actor, event: StartRequested) -> StartDecision | None:
    """Open the order of a card or a VIN, or say why not; None when nobody here knows the credential.

    A pile that asks again because the answer was lost gets the same answer again.
    """
    with transaction.atomic():
        pile = lock_pile(event.pile.id)
        connectors = Connector.objects.unscoped("a pile asks for its own connector").select_related("station")
        connector = connectors.filter(pile_id=pile.pk, number=event.connector_no).first()
        if connector is None:
            return StartDecision(refusal="not_allowed_here")
        card = vehicle = None
        if event.method == "vin":
            vehicle = find_vehicle(event.credential)
            if vehicle is None:
                return StartDecision(refusal="vin_unknown")
        else:
            card = find_card(event.credential)
            if card is None or card.state in (Card.State.STOCK, Card.State.RETURNED):
                return StartDecision(refusal="no_account")
        asked_before = _asked_before(event, connector, card, vehicle)
        if asked_before is not None:
            return _granted(asked_before, card)
        try:
            with transaction.atomic():
                order = _open(actor, event, connector, pile, card, vehicle)
        except DomainError as refusal:
            if refusal.code not in REFUSAL_OF:
                logger.error(
                    "start by %s on %s: %s has no words for a pile", event.method, pile.code, refusal.code
                )
            logger.info("start by %s on %s refused: %s", event.method, pile.code, refusal.code)
            return StartDecision(
                refusal=_refusal(refusal.code, event.method),
                account_label=card.logical_no if card is not None else "",
            )
        return _granted(order, card)


def authorize(*, event: AuthorizationRequested) -> Authorization | None:
    """What is said about a card's tag before a session begins; None when it is no card of ours.

    Only what belongs to the card itself is judged: place and money are checked when the session begins.
    """
    card = find_card(event.id_tag)
    if card is None or card.state in (Card.State.STOCK, Card.State.RETURNED):
        return None
    try:
        pile = Pile.objects.unscoped("the pile that asks").select_related("station").get(pk=event.pile.id)
        party = paying.party_of_card(card)
        _check_card_party(party)
        party = paying.check_party(party, pile.station)
        paying.terms_for(party, paying.lock_for(party), pile.station, None)
    except DomainError as refusal:
        if refusal.code in ("card_expired",):
            return Authorization("expired")
        return Authorization(_AUTHORIZATION_OF.get(REFUSAL_OF.get(refusal.code, ""), "blocked"))
    return Authorization("accepted")


def _open(
    actor: Actor,
    event: StartRequested,
    connector: Connector,
    pile: Pile,
    card: Card | None,
    vehicle: Vehicle | None,
) -> ChargingOrder:
    if card is not None:
        party = paying.party_of_card(card)
        if not password_is_right(card, event.password_md5):
            raise DomainError("wrong_password")
        _check_card_party(party)
    else:
        party = paying.party_of_vehicle(vehicle)
    _check_pile_is_free(connector)
    for check in _CAPACITY_CHECKS:
        check(connector)
    numbers_itself = bool(event.transaction_ref)
    return open_order(
        actor=actor,
        connector=connector,
        pile=pile,
        party=party,
        start_method=(
            ChargingOrder.StartMethod.VIN if event.method == "vin" else ChargingOrder.StartMethod.CARD
        ),
        transaction_ref=event.transaction_ref or None,
        # A pile that neither numbers its sessions nor is given a number tells of them by the order's.
        id_tag=event.credential if numbers_itself else None,
    )


def _check_card_party(party: Party) -> None:
    """A card whose enterprise pays names its holder only when the holder is a member with limits."""
    if party.payer.column == "enterprise_id" and party.driver is not None:
        member = EnterpriseMember.objects.unscoped("of the payer").filter(
            enterprise_id=party.payer.id, driver=party.driver, is_active=True
        )
        if not member.exists():
            raise DomainError("enterprise_member_unknown", {"name": str(party.enterprise)})


def _refusal(code: str, method: str) -> str:
    """The word for a pile: one that takes no cards at all says so."""
    if code == "method_not_allowed" and method != "vin":
        return "no_card_support"
    return REFUSAL_OF.get(code, "not_allowed_here")


def _check_pile_is_free(connector: Connector) -> None:
    """The session before this one on the connector has brought its record, or it is known that it will not."""
    orders = ChargingOrder.objects.unscoped("whoever charged here before")
    if orders.filter(connector=connector, state=S.FINISHING).exists():
        raise DomainError("connector_busy", {"code": connector.code})


def _asked_before(
    event: StartRequested, connector: Connector, card: Card | None, vehicle: Vehicle | None
) -> ChargingOrder | None:
    """The order that the same question opened a moment ago."""
    orders = ChargingOrder.objects.unscoped("the pile asks again").filter(connector=connector)
    if event.transaction_ref:
        return orders.filter(transaction_ref=event.transaction_ref).first()
    orders = orders.filter(state=S.STARTING, started_at__isnull=True)
    if card is not None:
        return orders.filter(card=card, start_method=ChargingOrder.StartMethod.CARD).first()
    return orders.filter(vin=vehicle.vin, start_method=ChargingOrder.StartMethod.VIN).first()


def _granted(order: ChargingOrder, card: Card | None) -> StartDecision:
    return StartDecision(
        order_no=order.order_no,
        transaction_ref=order.transaction_ref,
        account_label=card.logical_no if card is not None else "",
        balance_fen=wire_balance_fen(order),
    )
