"""Starts that are asked for at the pile, by card or VIN: one transaction from the question to the answer.

The floor above opens the order in its handler of `StartRequested`; nothing is said to the pile before it is
committed.
"""

from django.db import transaction

from devices import events
from stations.models import Connector, Pile

UNKNOWN = {"vin": "vin_unknown"}


def decide_start(event: events.StartRequested, *, by_order_no: bool = False) -> events.StartDecision:
    """Ask whether this credential may charge here; whoever answers first decides.

    A pile that is out of service, or a connector that it does not have, is refused without asking. Without any
    decision the credential is unknown. The decision of an allowed start names the transaction, unless the pile
    numbers its own, or calls it by the order's number (`by_order_no`): ValueError, and nothing is kept, when it
    does not.
    """
    with transaction.atomic():
        pile = Pile.objects.unscoped("a pile asks for itself").get(pk=event.pile.id)
        connectors = Connector.objects.unscoped("a pile asks for itself").filter(
            pile=pile, number=event.connector_no
        )
        if not pile.in_service or not connectors.exists():
            return events.StartDecision(refusal="pile_stopped")
        decisions = [answer for answer in events.publish(event) if isinstance(answer, events.StartDecision)]
        if not decisions:
            return events.StartDecision(refusal=UNKNOWN.get(event.method, "no_account"))
        decision = decisions[0]
        if decision.refusal and decision.refusal not in events.START_REFUSALS:
            raise ValueError(f"{decision.refusal!r} is no refusal of a start")
        named = decision.transaction_ref or event.transaction_ref or (by_order_no and decision.order_no)
        if not decision.refusal and not named:
            raise ValueError("an allowed start needs a transaction number")
    return decision
