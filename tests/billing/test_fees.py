"""Fees beside the charge: counted by the pile's reports, booked by themselves, given back with a reason."""

from datetime import datetime, timedelta

import pytest
import time_machine

from billing.models import Account, ChargingOrder, Entry, Journal, OrderFee
from billing.pricing.components import OccupancyFee, ParkingFee, ReservationFee
from billing.services import checks, fees, ledger
from billing.services.clearing import clear, payees
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing import flow
from tests.billing.finance.desk import money_of
from tests.factories import make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
JOB = system("tests")
NOON = datetime.fromisoformat("2026-11-20T12:30:00+08:00")
RULE = OccupancyFee(fen=300, block_s=900, grace_s=900, cap_fen=1_000)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as travel:
        yield travel


def parked(clock, *, rule=RULE, balance_fen=10_000, protocol="ykc"):
    """A settled order of 10 kWh (11 yuan) whose gun is still in."""
    site = make_site(balance_fen=balance_fen, protocol=protocol)
    flow.publish(site, components=[rule])
    order = flow.charging(site)
    clock.shift(timedelta(minutes=30))
    flow.report_state(site, order, "charging")
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    assert order.state == "settled"
    return site, order


def fee_of(order, kind="occupancy") -> OrderFee:
    return OrderFee.objects.get(order=order, kind=kind)


def income(site, kind="operator_occupancy"):
    return Account.objects.get(operator=site.operator, kind=kind).balance_fen


@pytest.mark.feature("TAR-14")
def test_staying_costs_by_started_blocks_after_the_grace_and_is_booked_at_the_unplugging(clock):
    site, order = parked(clock)
    fee = fee_of(order)
    assert (fee.state, fee.rule["fen"]) == ("running", 300)
    clock.shift(timedelta(minutes=14))
    assert fees.so_far(fee).fen == 0
    clock.shift(timedelta(minutes=17))  # 31 minutes: 15 free, two started quarters
    flow.report_state(site, order, "idle", plugged=False)
    fee = fee_of(order)
    assert (fee.state, fee.amount_fen, fee.blocks) == ("settled", 600, 2)
    assert flow.money(site.driver) == (10_000 - 1_100 - 600, 0, 0) and income(site) == 600
    assert Journal.objects.get(kind="order_fee").order == order
    order.refresh_from_db()
    assert order.total_fen == 1_100, "the charge itself is another matter"
    assert [e.kind for e in order.events.filter(kind__in=["occupancy_begins", "fee_ended"])] == [
        "occupancy_begins",
        "fee_ended",
    ]
    flow.assert_books_balance()
    assert not list(checks.order_problems()) and not list(checks.ledger_problems())


def test_leaving_within_the_grace_costs_nothing(clock):
    site, order = parked(clock)
    clock.shift(timedelta(minutes=15))
    flow.report_state(site, order, "idle", plugged=False)
    assert (fee_of(order).state, fee_of(order).amount_fen) == ("dropped", 0)
    assert not Journal.objects.filter(kind="order_fee").exists()


def test_what_the_wallet_lacks_becomes_arrears(clock):
    site, order = parked(clock, balance_fen=1_200)
    clock.shift(timedelta(minutes=31))
    flow.report_state(site, order, "idle", plugged=False)
    assert flow.money(site.driver) == (0, 0, 500) and income(site) == 600
    ledger.top_up(actor=JOB, driver=site.driver, amount_fen=900, reason="cash", idempotency_key="t")
    assert flow.money(site.driver) == (400, 0, 0)
    flow.assert_books_balance()


def test_a_fault_and_an_offline_pile_stop_the_clock(clock):
    site, order = parked(clock)
    clock.shift(timedelta(minutes=20))
    flow.report_state(site, order, "fault")
    clock.shift(timedelta(minutes=60))
    flow.report_state(site, order, "occupied")
    clock.shift(timedelta(minutes=5))
    fees.pile_offline(pile_id=site.pile.pk, at=clock_now(clock))
    clock.shift(timedelta(hours=3))
    flow.report_state(site, order, "idle", plugged=False)
    fee = fee_of(order)  # 20 + 5 minutes count: one started quarter after the free one
    assert (fee.amount_fen, fee.blocks, len(fee.outages)) == (300, 1, 2)
    assert fees.recompute(fee).fen == 300 and not list(checks.order_problems())


def clock_now(clock):
    from django.utils import timezone

    return timezone.now()


def test_the_sweep_ends_it_at_the_cap_and_flags_that_nobody_was_seen_leaving(clock):
    _site, order = parked(clock)
    for _ in range(20):
        clock.shift(timedelta(minutes=10))
        fees.sweep_fees(actor=JOB)
    fee = fee_of(order)
    assert (fee.state, fee.amount_fen, fee.flagged) == ("settled", 1_000, True)
    assert fee.ended_at - fee.began_at < timedelta(minutes=90)


def test_an_unplugging_that_nobody_handled_is_found_before_it_costs(clock):
    """The end of the charge and the empty socket may come in one moment, each unseen by the other."""
    site, order = parked(clock)
    clock.shift(timedelta(minutes=1))
    connector = order.connector
    connector.state, connector.plugged, connector.state_changed_at = "idle", False, clock_now(clock)
    connector.save(update_fields=["state", "plugged", "state_changed_at"])
    clock.shift(timedelta(minutes=15))
    assert fees.sweep_fees(actor=JOB) == 1
    fee = fee_of(order)
    assert (fee.state, fee.amount_fen, fee.ended_at) == ("dropped", 0, NOON + timedelta(minutes=31))
    assert site.driver.pk == fee.driver_id


@pytest.mark.parametrize("how", ["late record", "next session"])
def test_nobody_pays_for_who_is_plugged_in_now(clock, how):
    site = make_site()
    flow.publish(site, components=[RULE])
    order = flow.charging(site)
    clock.shift(timedelta(minutes=10))
    ended = clock_now(clock)
    record = flow.reported(site, order, {"flat": "1"}, ended_at=ended)
    if how == "late record":
        clock.shift(timedelta(hours=2))
    else:
        ChargingOrder.objects.filter(pk=order.pk).update(state="finishing")
        clock.shift(timedelta(minutes=1))
        from tests.factories import make_driver

        flow.start(site, driver=make_driver())
    flow.send_record(site, record)
    order.refresh_from_db()
    assert order.state == "settled" and not OrderFee.objects.filter(order=order).exists()


def test_the_cap_of_the_day_counts_what_other_orders_of_the_driver_cost(clock):
    rule = OccupancyFee(fen=300, block_s=900, grace_s=0, cap_fen=1_000, cap_day_fen=700)
    site, order = parked(clock, rule=rule)
    clock.shift(timedelta(minutes=31))
    flow.report_state(site, order, "idle", plugged=False)
    assert fee_of(order).amount_fen == 700
    second = flow.charging(site, connector=site.connectors[1])
    clock.shift(timedelta(minutes=5))
    flow.send_record(site, flow.reported(site, second, {"flat": "1"}))
    clock.shift(timedelta(hours=1))
    flow.report_state(site, second, "idle", plugged=False)
    assert (fee_of(second).before_fen, fee_of(second).amount_fen, fee_of(second).state) == (700, 0, "dropped")


@pytest.mark.promise(10)
def test_a_waived_fee_goes_back_to_the_wallet_and_is_taken_from_who_got_it(clock):
    site, order = parked(clock)
    clock.shift(timedelta(minutes=31))
    flow.report_state(site, order, "idle", plugged=False)
    clear.clear_due(actor=JOB, everything=True)
    owner = payees.operator_payee(site.operator)
    assert money_of(owner) == 1_700 and income(site) == 0
    fee = fee_of(order)
    stranger = staff_actor("billing.waive_fee", operator=make_site().operator)
    for actor, reason, code in (
        (JOB, " ", "reason_required"),
        (stranger, "kind", "not_found"),
        (staff_actor(), "kind", "permission_denied"),
    ):
        with pytest.raises(DomainError) as refusal:
            fees.waive_fee(actor=actor, fee_id=fee.pk, reason=reason)
        assert refusal.value.code == code and flow.money(site.driver)[0] == 8_300
    fees.waive_fee(
        actor=staff_actor("billing.waive_fee", operator=site.operator), fee_id=fee.pk, reason="rain"
    )
    assert flow.money(site.driver) == (8_900, 0, 0) and fee_of(order).state == "waived"
    event = AuditEvent.objects.get(action="billing.waive_fee")
    assert (event.reason, event.before["amount_fen"], event.after["state"]) == ("rain", 600, "waived")
    assert not list(checks.order_problems())
    clear.clear_due(actor=JOB, everything=True)
    assert money_of(owner) == 1_100 and income(site) == 0
    with pytest.raises(DomainError) as refusal:
        fees.waive_fee(actor=JOB, fee_id=fee.pk, reason="again")
    assert refusal.value.code == "fee_not_running"
    flow.assert_books_balance()


def test_a_running_fee_can_be_waived_and_stays_ended(clock):
    site, order = parked(clock)
    clock.shift(timedelta(minutes=40))
    fees.waive_fee(actor=JOB, fee_id=fee_of(order).pk, reason="our fault")
    flow.report_state(site, order, "idle", plugged=False)
    assert fee_of(order).state == "waived" and flow.money(site.driver) == (8_900, 0, 0)
    assert not list(checks.order_problems())


@pytest.mark.feature("PRK-13")
def test_parking_and_reservation_are_lines_of_their_own_once_each(clock):
    site = make_site()
    flow.publish(
        site,
        components=[
            ParkingFee(fen=500, block_s=3600, free_s=1800),
            ReservationFee(fen=100, block_s=900, no_show_fen=200),
        ],
    )
    order = flow.charging(site)
    clock.shift(timedelta(minutes=30))
    flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
    order.refresh_from_db()
    for _ in range(2):
        # 2 h 10 min in the bay, 30 of them charging and 30 free: two started hours
        parking = fees.book_fee(
            actor=JOB,
            order=order,
            kind="parking",
            began_at=NOON - timedelta(minutes=10),
            ended_at=NOON + timedelta(hours=2),
        )
        reserved = fees.book_fee(
            actor=JOB, order=order, kind="reservation", began_at=NOON - timedelta(minutes=20), ended_at=NOON
        )
    assert (parking.amount_fen, reserved.amount_fen) == (1_000, 200)
    assert flow.money(site.driver) == (10_000 - 1_100 - 1_200, 0, 0)
    assert (income(site, "operator_parking"), income(site, "operator_reservation")) == (1_000, 200)
    assert Journal.objects.filter(kind="order_fee").count() == 2
    flow.assert_books_balance()


def test_a_changed_fee_or_a_lost_booking_is_found(clock):
    site, order = parked(clock)
    clock.shift(timedelta(minutes=31))
    flow.report_state(site, order, "idle", plugged=False)
    OrderFee.objects.update(amount_fen=700)
    found = list(checks.order_problems())
    assert {problem.code for problem in found} == {"fee_differs", "not_booked"}
    assert Entry.objects.filter(journal__idempotency_key=fees.key_of(fee_of(order))).exists()
