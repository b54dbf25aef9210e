"""What billing does on device events and outbox messages. Registered at start-up; each handler is a thin door."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from billing.models import TariffVersion
from billing.services import (
    bookings,
    cash,
    fees,
    leaving,
    local_starts,
    paid_starts,
    pauses,
    payments,
    refunds,
    safety,
    score_debits,
    score_orders,
    sessions,
    settlement,
    shown_costs,
    tariff_push,
)
from billing.services.invoices import requests
from billing.services.payouts import decisions
from billing.services.price_groups import register_price_groups
from devices import events
from devices.models import DeviceCommand
from devices.services.references import pile_by_id
from kernel.actor import Actor, device, system
from kernel.services import outbox
from users.services.groups import price_groups_of


def _pile_actor(pile: events.PileRef) -> Actor:
    return device(pile.code)


def on_command_answered(event: events.CommandAnswered) -> None:
    command = event.command
    if command.kind in (DeviceCommand.Kind.START, DeviceCommand.Kind.STOP, DeviceCommand.Kind.EXTEND):
        sessions.command_answered(actor=_pile_actor(event.pile), command=command)
    elif command.kind == DeviceCommand.Kind.SHOW_COST:
        shown_costs.pile_answered(command=command)
    elif command.kind == DeviceCommand.Kind.RESERVE:
        bookings.pile_answered(command=command)
    elif command.kind == DeviceCommand.Kind.SET_TARIFF and command.state == DeviceCommand.State.ACCEPTED:
        versions = TariffVersion.objects.unscoped("the version the command carried")
        version = versions.filter(pk=command.params.get("version_id")).first()
        if version is not None:
            tariff_push.confirm_held(
                pile=pile_by_id(event.pile.id),
                version=version,
                profile=command.params.get("profile", ""),
            )


def on_charge_started(event: events.ChargeStarted) -> None:
    sessions.charge_started(actor=_pile_actor(event.pile), event=event)


def on_meters_sampled(event: events.MetersSampled) -> None:
    sessions.samples_taken(actor=system("samples"), samples=event.samples)


def on_connector_status(event: events.ConnectorStatusChanged) -> None:
    sessions.connector_reported(actor=_pile_actor(event.pile), event=event)
    fees.connector_reported(actor=_pile_actor(event.pile), event=event)


def on_charge_paused(event: events.ChargePaused) -> None:
    pauses.charge_paused(actor=_pile_actor(event.pile), event=event)


def on_charge_resumed(event: events.ChargeResumed) -> None:
    pauses.charge_resumed(actor=_pile_actor(event.pile), event=event)


def on_cash(event: events.CashReported) -> None:
    cash.book_cash(actor=_pile_actor(event.pile), event=event)


def on_sensor(event: events.SensorReported) -> None:
    """Smoke, heat or water at a box: nothing goes on charging there."""
    if event.alarm and not event.was_alarm and event.kind in safety.SENSORS:
        safety.stop_pile(actor=_pile_actor(event.pile), pile_id=event.pile.id)


def on_fault(event: events.FaultRaised) -> None:
    sessions.fault_raised(
        actor=_pile_actor(event.pile),
        pile_id=event.pile.id,
        connector_no=event.connector_no,
        code=event.code,
        words=event.words,
    )
    if event.code in safety.FAULTS:
        safety.stop_pile(
            actor=_pile_actor(event.pile), pile_id=event.pile.id, connector_no=event.connector_no
        )


def on_pile_offline(event: events.PileOffline) -> None:
    sessions.pile_link_changed(
        actor=_pile_actor(event.pile), pile_id=event.pile.id, kind="pile_offline", reason=event.reason
    )
    fees.pile_offline(pile_id=event.pile.id, at=event.at)


def on_piles_offline(found: Sequence[events.PileOffline]) -> None:
    """What `on_pile_offline` does, for many piles that go at once: only those with a session cost anything."""
    by_id = {event.pile.id: event for event in found}
    touched = {*sessions.piles_with_sessions(by_id), *fees.piles_with_fees(by_id)}
    for pile_id in sorted(touched):
        on_pile_offline(by_id[pile_id])


def on_pile_online(event: events.PileOnline) -> None:
    sessions.pile_link_changed(actor=_pile_actor(event.pile), pile_id=event.pile.id, kind="pile_online")
    if tariff_push.lacks_version_in_force(pile=event.pile):
        tariff_push.push_if_due(actor=system("tariff push"), pile=pile_by_id(event.pile.id))


def on_piles_online(found: Sequence[events.PileOnline]) -> None:
    """What `on_pile_online` does, for the piles of a storm of logins."""
    by_id = {event.pile.id: event.pile for event in found}
    for pile_id in sessions.piles_with_sessions(by_id):
        sessions.pile_link_changed(actor=_pile_actor(by_id[pile_id]), pile_id=pile_id, kind="pile_online")
    for pile_id in tariff_push.piles_without_version_in_force(by_id):
        tariff_push.push_if_due(actor=system("tariff push"), pile=pile_by_id(pile_id))


def on_transaction_reported(event: events.TransactionReported) -> None:
    on_transactions_reported([event])


def on_transactions_reported(found: Sequence[events.TransactionReported]) -> None:
    settlement.take_records(
        [settlement.Report(_pile_actor(event.pile), event.record, event.conflicting) for event in found]
    )


def on_authorization(event: events.AuthorizationRequested) -> events.Authorization | None:
    """Tags of open orders may charge, and cards of ours; silence means `invalid`."""
    known = sessions.tag_may_charge(
        pile_id=event.pile.id, connector_no=event.connector_no, id_tag=event.id_tag
    )
    return events.Authorization("accepted") if known else local_starts.authorize(event=event)


def on_start_requested(event: events.StartRequested) -> events.StartDecision | None:
    return local_starts.decide_start(actor=_pile_actor(event.pile), event=event)


def on_reservation_ended(event: events.ReservationEnded) -> None:
    bookings.pile_ended(event=event, actor=_pile_actor(event.pile))


def on_refund_approved(payload: Mapping[str, Any]) -> None:
    """Hand an approved refund to a worker: the channel is called there, outside every transaction.

    A task that is lost is found by `billing.query_refunds`.
    """
    from billing.tasks import send_refund

    transaction.on_commit(lambda: send_refund.delay(payload["refund_id"]), robust=True)


def on_payout_approved(payload: Mapping[str, Any]) -> None:
    """Hand an approved payout to a worker; one that is lost is found by `billing.work_payouts`."""
    from billing.tasks import send_payout

    transaction.on_commit(lambda: send_payout.delay(payload["payout"]), robust=True)


def on_invoice_approved(payload: Mapping[str, Any]) -> None:
    """Hand an approved invoice to a worker; one that is lost is found by `billing.work_invoices`."""
    from billing.tasks import issue_invoice

    transaction.on_commit(lambda: issue_invoice.delay(payload["invoice"]), robust=True)


def register() -> None:
    """Subscribe the handlers."""
    outbox.register_handler(refunds.SEND_TOPIC, on_refund_approved)
    outbox.register_handler(paid_starts.TOPIC, paid_starts.on_message)
    outbox.register_handler(score_debits.TOPIC, score_orders.on_message)
    payments.on_booked(paid_starts.payment_booked)
    outbox.register_handler(decisions.SEND_TOPIC, on_payout_approved)
    outbox.register_handler(requests.SEND_TOPIC, on_invoice_approved)
    events.subscribe(events.CommandAnswered, on_command_answered)
    events.subscribe(events.ChargeStarted, on_charge_started)
    events.subscribe(events.MetersSampled, on_meters_sampled)
    events.subscribe(events.ConnectorStatusChanged, on_connector_status)
    events.subscribe(events.FaultRaised, on_fault)
    events.subscribe(events.ChargePaused, on_charge_paused)
    events.subscribe(events.ChargeResumed, on_charge_resumed)
    events.subscribe(events.CashReported, on_cash)
    events.subscribe(events.SensorReported, on_sensor)
    events.subscribe(events.PileOffline, on_pile_offline, together=on_piles_offline)
    events.subscribe(events.PileOnline, on_pile_online, together=on_piles_online)
    events.subscribe(events.TransactionReported, on_transaction_reported, together=on_transactions_reported)
    events.subscribe(events.AuthorizationRequested, on_authorization)
    events.subscribe(events.ReservationEnded, on_reservation_ended)
    events.subscribe(events.StartRequested, on_start_requested)
    leaving.register()
    register_price_groups(price_groups_of)
