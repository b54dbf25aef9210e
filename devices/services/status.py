"""Connector states as piles report them, written only when they change."""

from datetime import datetime

from django.db import transaction

from devices import events
from devices.locks import lock_connector
from devices.services.presence import poke_board
from stations.models import Connector


def apply_status(
    *,
    pile: events.PileRef,
    connector_no: int,
    state: str,
    at: datetime,
    plugged: bool | None = None,
    fault_code: str = "",
    fault_words: str = "",
    transaction_ref: str = "",
) -> bool:
    """Apply a reported state (values of `Connector.State`).

    Returns:
        False for a connector that the pile does not have; its report is kept in the frame log only.
    """
    with transaction.atomic():
        connector = lock_connector(pile.id, connector_no)
        if connector is None:
            return False
        previous, previous_fault = connector.state, connector.fault_code
        if connector.state != state:
            connector.state, connector.state_changed_at = state, at
        if plugged is not None:
            connector.plugged = plugged
        connector.fault_code = fault_code[:64]
        connector.save(update_fields=["state", "state_changed_at", "plugged", "fault_code"])
        events.publish(
            events.ConnectorStatusChanged(
                pile=pile,
                connector_no=connector_no,
                at=at,
                state=state,
                previous=previous,
                plugged=plugged,
                fault_code=fault_code,
                transaction_ref=transaction_ref,
            )
        )
        is_fault, was_fault = state == Connector.State.FAULT, previous == Connector.State.FAULT
        if is_fault and (not was_fault or previous_fault != fault_code):
            events.publish(
                events.FaultRaised(
                    pile=pile, connector_no=connector_no, at=at, code=fault_code or "fault", words=fault_words
                )
            )
        elif was_fault and not is_fault:
            events.publish(events.FaultCleared(pile=pile, connector_no=connector_no, at=at))
        if previous != state:
            poke_board(pile.operator_id)
    return True


def charge_started(event: events.ChargeStarted) -> None:
    """Publish a proof that energy may flow, in one transaction with what the floors above make of it."""
    with transaction.atomic():
        events.publish(event)


def report_fault(
    *, pile: events.PileRef, connector_no: int, at: datetime, fault_code: str, fault_words: str = ""
) -> None:
    """Publish a fault that a pile reports as an event of its own, apart from the states of its connectors."""
    with transaction.atomic():
        events.publish(
            events.FaultRaised(
                pile=pile, connector_no=connector_no, at=at, code=fault_code, words=fault_words
            )
        )


def clear_fault(*, pile: events.PileRef, connector_no: int, at: datetime, fault_code: str) -> None:
    """Publish that one fault, reported before as an event of its own, is over."""
    with transaction.atomic():
        events.publish(events.FaultCleared(pile=pile, connector_no=connector_no, at=at, code=fault_code))


def charge_paused(
    *, pile: events.PileRef, connector_no: int, at: datetime, transaction_ref: str, reason: str = ""
) -> None:
    """Publish that a running charge stands still."""
    with transaction.atomic():
        events.publish(
            events.ChargePaused(
                pile=pile, connector_no=connector_no, at=at, transaction_ref=transaction_ref, reason=reason
            )
        )


def charge_resumed(
    *, pile: events.PileRef, connector_no: int, at: datetime, transaction_ref: str, reason: str = ""
) -> None:
    """Publish that a charge which stood still goes on."""
    with transaction.atomic():
        events.publish(
            events.ChargeResumed(
                pile=pile, connector_no=connector_no, at=at, transaction_ref=transaction_ref, reason=reason
            )
        )


def pile_fault(*, pile: events.PileRef, at: datetime, fault_code: str, fault_words: str = "") -> None:
    """Publish a fault of the whole pile, or its end (`fault_code` empty)."""
    with transaction.atomic():
        if fault_code:
            events.publish(
                events.FaultRaised(pile=pile, connector_no=0, at=at, code=fault_code, words=fault_words)
            )
        else:
            events.publish(events.FaultCleared(pile=pile, connector_no=0, at=at))
