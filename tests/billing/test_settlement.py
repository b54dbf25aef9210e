"""From the record to the money: priced once, booked once, and doubtful ones only before a person."""

from datetime import datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from billing.models import Account, ChargingOrder, Journal, ReviewItem
from billing.pricing import Bill
from billing.services import evidence, ledger, orders, reviews, settlement, sweeps
from devices.models import TransactionRecord
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing import flow
from tests.factories import make_driver, make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
S = ChargingOrder.State
SWEEP = system("order sweep")
HALF_PAST_NINE = datetime.fromisoformat("2026-11-20T09:30:00+08:00")


@pytest.fixture
def clock():
    """09:30 in the station: flat (1.10) until 10:00, then peak (1.40) until 12:00."""
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


def session(site, clock, minutes=60, **options):
    """An order that has been charging for `minutes`."""
    order = flow.charging(site, **options)
    clock.shift(timedelta(minutes=minutes))
    return order


def settled(order) -> ChargingOrder:
    order.refresh_from_db()
    return order


class TestYkcRecord:
    def test_over_a_tariff_boundary_is_billed_to_the_fen(self, clock):
        site = make_site()
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "12.3456", "peak": "23.4567"}))
        order = settled(order)
        # 12.3456 × 1.10 + 23.4567 × 1.40 = 13.58016 + 32.83938 = 46.41954; electricity 8.64192 + 23.4567.
        assert (order.state, order.total_fen) == (S.SETTLED, 4_642)
        assert (order.electricity_fen, order.service_fen) == (3_210, 1_432)
        assert flow.money(site.driver) == (10_000 - 4_642, 0, 0)
        accounts = {a.kind: a.balance_fen for a in Account.objects.filter(operator=site.operator)}
        assert accounts == {"operator_electricity": 3_210, "operator_service": 1_432}
        flow.assert_books_balance()

    @pytest.mark.promise(5)
    def test_the_bill_is_computed_again_from_what_was_stored(self, clock):
        site = make_site()
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "12.3456", "peak": "23.4567"}))
        order = settled(order)
        assert evidence.recompute(order) == Bill.from_json(order.bill)
        assert evidence.recompute(order).total_fen == order.total_fen

    @pytest.mark.promise(2)
    def test_the_same_record_again_changes_nothing(self, clock):
        site = make_site()
        order = session(site, clock)
        record = flow.reported(site, order, {"flat": "10"})
        for _ in range(3):
            flow.send_record(site, record)
        assert settled(order).state == S.SETTLED and flow.money(site.driver) == (10_000 - 1_100, 0, 0)
        assert Journal.objects.filter(kind="settlement").count() == 1
        assert TransactionRecord.objects.get().times_received == 3
        assert not ReviewItem.objects.exists()

    @pytest.mark.promise(3)
    def test_the_same_number_with_other_content_goes_to_a_person(self, clock):
        site = make_site()
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        for _ in range(2):
            flow.send_record(site, flow.reported(site, order, {"flat": "20"}))
        assert settled(order).total_fen == 1_100 and flow.money(site.driver)[0] == 10_000 - 1_100
        assert ReviewItem.objects.get().kind == ReviewItem.Kind.CONFLICTING_RECORD

    def test_without_energy_and_without_charging_closes_the_order(self, clock):
        site = make_site()
        order = flow.start(site)
        flow.send_record(site, flow.reported(site, order, {}))
        assert settled(order).state == S.CLOSED and order.record is not None
        assert flow.money(site.driver) == (10_000, 0, 0)

    def test_without_energy_after_charging_settles_at_nothing_and_posts_nothing(self, clock):
        site = make_site()
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {}))
        assert (settled(order).state, order.total_fen) == (S.SETTLED, 0)
        assert flow.money(site.driver) == (10_000, 0, 0)
        assert not Journal.objects.filter(kind="settlement").exists()

    def test_that_comes_first_settles_an_order_that_was_only_starting(self, clock):
        site = make_site()
        order = flow.start(site)
        clock.shift(60)
        flow.send_record(site, flow.reported(site, order, {"flat": "0.5"}, started_at=HALF_PAST_NINE))
        assert (settled(order).state, order.total_fen) == (S.SETTLED, 55)

    def test_above_the_wallet_becomes_arrears_that_the_next_top_up_pays(self, clock):
        site = make_site(balance_fen=1_000)
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "20"}))
        assert settled(order).total_fen == 2_200
        assert flow.money(site.driver) == (0, 0, 1_200)
        with pytest.raises(DomainError) as refusal:
            flow.start(site)
        assert refusal.value.code == "driver_in_arrears" and refusal.value.params == {"yuan": "12.00"}
        ledger.top_up(actor=SWEEP, driver=site.driver, amount_fen=2_000, reason="cash", idempotency_key="t")
        assert flow.money(site.driver) == (800, 0, 0)
        flow.assert_books_balance()

    def test_takes_no_money_that_another_order_holds(self, clock):
        site = make_site(balance_fen=3_000)
        first = session(site, clock, limit_fen=1_000)
        flow.report_state(site, first, "idle")
        flow.report_state(site, first, "idle")
        second = flow.start(site, connector=site.connectors[1], limit_fen=2_000)
        flow.send_record(site, flow.reported(site, first, {"flat": "20"}, ended_at=timezone.now()))
        assert settled(first).total_fen == 2_200
        assert flow.money(site.driver) == (2_000, 2_000, 1_200)
        assert second.hold.amount_fen == 2_000
        flow.assert_books_balance()


class TestOcppRecord:
    def test_is_split_by_its_samples_over_a_tariff_boundary(self, clock):
        site = make_site(protocol="ocpp16")
        order = flow.charging(site)
        for minutes, energy in ((20, "10.0000"), (40, "16.0000")):
            with time_machine.travel(HALF_PAST_NINE + timedelta(minutes=minutes), tick=False):
                flow.sample(site, order, energy)
        clock.shift(timedelta(minutes=60))
        flow.send_record(
            site,
            flow.ocpp_record(
                site,
                order,
                meter_start="100",
                meter_end="130",
                started_at=HALF_PAST_NINE,
                ended_at=HALF_PAST_NINE + timedelta(minutes=60),
            ),
        )
        order = settled(order)
        # Flat until 10:00: 10 + half of 6 = 13; peak: 3 + 14 = 17. 13 × 1.10 + 17 × 1.40 = 38.10.
        assert (order.state, order.total_fen) == (S.SETTLED, 3_810)
        assert [line["energy_kwh"] for line in order.bill["lines"]] == ["17.0000", "13.0000"]
        assert evidence.recompute(order).total_fen == 3_810

    @pytest.mark.promise(5)
    def test_the_running_cost_is_the_bill_when_the_evidence_is_the_same(self, clock):
        site = make_site(protocol="ocpp16")
        order = flow.charging(site)
        for minute in range(1, 61):
            clock.shift(timedelta(minutes=1))
            flow.sample(site, order, f"{minute * Decimal('0.3333')}")
        running = order.total_fen
        flow.send_record(
            site,
            flow.ocpp_record(
                site,
                order,
                meter_start="100",
                meter_end=str(100 + order.energy_kwh),
                started_at=HALF_PAST_NINE,
                ended_at=timezone.now(),
            ),
        )
        order = settled(order)
        assert order.total_fen == running > 0
        assert len(order.evidence["readings"]) < 10  # only what the split needs

    @pytest.mark.promise(4)
    def test_begin_zero_and_then_the_lifetime_register_waits_for_a_person(self, clock):
        site = make_site(protocol="ocpp16")
        order = session(site, clock, minutes=5)
        flow.send_record(
            site,
            flow.ocpp_record(
                site,
                order,
                meter_start="0",
                meter_end="910.083",
                started_at=HALF_PAST_NINE,
                ended_at=timezone.now(),
            ),
        )
        order = settled(order)
        assert order.state == S.REVIEW and "energy_above_power" in {r["code"] for r in order.review_reasons}
        assert flow.money(site.driver) == (10_000, 10_000, 0)
        assert not Journal.objects.filter(kind="settlement").exists()

    def test_a_number_of_another_pile_is_nobody_s_here(self, clock):
        site, other = make_site(protocol="ocpp16"), make_site(protocol="ocpp16")
        order = session(site, clock)
        flow.send_record(
            other,
            flow.ocpp_record(
                other,
                order,
                meter_start="0",
                meter_end="5",
                started_at=HALF_PAST_NINE,
                ended_at=timezone.now(),
            ),
        )
        assert settled(order).state == S.CHARGING
        assert ReviewItem.objects.get().kind == ReviewItem.Kind.ORPHAN_RECORD


@pytest.mark.promise(3)
class TestDoubtful:
    @pytest.mark.promise(4)
    @pytest.mark.parametrize(
        ("energies", "changes", "code"),
        [
            ({"flat": "200"}, {}, "energy_above_power"),
            ({"flat": "10"}, {"meter_end_kwh": Decimal("150")}, "register_disagrees"),
            ({"flat": "10"}, {"meter_end_kwh": Decimal("99")}, "register_backwards"),
            (
                {"flat": "10"},
                {"energy_kwh": Decimal("11"), "meter_end_kwh": Decimal("111")},
                "tier_sum_differs",
            ),
            ({"flat": "10"}, {"device_amount": Decimal("99")}, "amount_differs"),
            ({"flat": "10"}, {"energy_kwh": None}, "record_incomplete"),
            ({"flat": "10"}, {"started_at": HALF_PAST_NINE - timedelta(days=1)}, "start_outside_session"),
            ({"flat": "10"}, {"ended_at": HALF_PAST_NINE - timedelta(minutes=1)}, "end_before_start"),
        ],
    )
    def test_waits_for_a_person_and_debits_nobody(self, clock, energies, changes, code):
        site = make_site()
        order = session(site, clock)
        record = flow.reported(site, order, energies, **changes)
        for _ in range(2):
            flow.send_record(site, record)
        order = settled(order)
        assert order.state == S.REVIEW and code in {reason["code"] for reason in order.review_reasons}
        assert flow.money(site.driver) == (10_000, 10_000, 0)
        item = ReviewItem.objects.get()
        assert (item.kind, item.order, item.record_id) == (ReviewItem.Kind.ORDER, order, order.record_id)

    def test_a_foreign_price_waits_for_a_person(self, clock):
        site = make_site()
        order = session(site, clock)
        record = flow.reported(site, order, {"flat": "10"})
        record.tiers["flat"].update(price="9.99", amount="99.90")
        flow.send_record(site, record)
        codes = {reason["code"] for reason in settled(order).review_reasons}
        assert {"unit_price_differs", "tier_amount_differs"} <= codes

    def test_an_unknown_number_is_kept_and_shown_once(self):
        site = make_site()
        order = flow.start(site)
        stranger = flow.reported(site, order, {"flat": "10"}, transaction_ref="9" * 32)
        for _ in range(3):
            flow.send_record(site, stranger)
        assert TransactionRecord.objects.count() == 1
        item = ReviewItem.objects.get()
        assert (item.kind, item.order, item.operator) == (ReviewItem.Kind.ORPHAN_RECORD, None, site.operator)
        assert flow.money(site.driver)[0] == 10_000 and settled(order).state == S.STARTING

    def test_energy_for_a_closed_order_waits_for_a_person(self, clock):
        site = make_site()
        order = flow.start(site)
        flow.answer(order, state="failed")
        clock.shift(600)
        flow.send_record(site, flow.reported(site, order, {"flat": "3"}, started_at=HALF_PAST_NINE))
        assert settled(order).state == S.REVIEW and flow.money(site.driver) == (10_000, 0, 0)
        assert order.review_reasons[0]["code"] == "record_after_close"

    def test_a_record_without_energy_for_a_closed_order_is_only_kept(self):
        site = make_site()
        order = flow.start(site)
        flow.answer(order, state="rejected")
        flow.send_record(site, flow.reported(site, order, {}))
        assert settled(order).state == S.CLOSED and order.record is not None
        assert not ReviewItem.objects.exists()

    def test_a_fault_of_ours_still_keeps_the_record_and_asks_a_person(self, clock):
        site = make_site()
        order = session(site, clock)
        with mock.patch.object(settlement, "from_record", side_effect=RuntimeError("a bug")):
            flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        assert settled(order).state == S.REVIEW
        assert order.review_reasons[0]["code"] == "processing_failed" and order.record is not None


class TestMissingRecord:
    def missing(self, site, clock):
        order = session(site, clock)
        flow.sample(site, order, "10.0000")
        flow.report_state(site, order, "idle")
        flow.report_state(site, order, "idle")
        clock.shift(settings.RECORD_TIMEOUT_S + 1)
        sweeps.sweep_orders(actor=SWEEP)
        return settled(order)

    def test_waits_for_a_person_with_the_money_held(self, clock):
        site = make_site()
        order = self.missing(site, clock)
        assert order.state == S.REVIEW and order.review_reasons[0]["code"] == "no_record"
        assert flow.money(site.driver) == (10_000, 10_000, 0)

    def test_settles_by_itself_when_the_record_comes_after_all(self, clock):
        site = make_site()
        order = self.missing(site, clock)
        clock.shift(timedelta(days=2))
        flow.send_record(
            site, flow.reported(site, order, {"flat": "10"}, ended_at=HALF_PAST_NINE + timedelta(hours=1))
        )
        assert (settled(order).state, order.total_fen) == (S.SETTLED, 1_100)
        assert ReviewItem.objects.get().state == ReviewItem.State.RESOLVED
        flow.assert_books_balance()

    def test_a_late_record_that_is_doubtful_is_added_to_the_same_question(self, clock):
        site = make_site()
        order = self.missing(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "200"}))
        item = ReviewItem.objects.get()
        assert settled(order).state == S.REVIEW and item.record == order.record
        assert "energy_above_power" in {reason["code"] for reason in item.reasons}

    def test_a_person_settles_by_samples_and_a_late_record_that_agrees_is_only_kept(self, clock):
        site = make_site(prices=[(t, "0.6", "0.4") for t in ("sharp", "peak", "flat", "valley")])
        order = self.missing(site, clock)
        finance = staff_actor("billing.settle_review", operator=site.operator)
        order = reviews.settle_review(actor=finance, order_no=order.order_no, how="samples", reason="agreed")
        assert (order.state, order.total_fen) == (S.SETTLED, 1_000)
        assert evidence.recompute(order).total_fen == 1_000
        flow.send_record(
            site, flow.reported(site, order, {"flat": "10"}, ended_at=HALF_PAST_NINE + timedelta(hours=1))
        )
        assert settled(order).record is not None and order.total_fen == 1_000
        assert not ReviewItem.objects.filter(state="open").exists()

    def test_a_late_record_that_differs_is_shown_and_books_nothing(self, clock):
        site = make_site()
        order = self.missing(site, clock)
        finance = staff_actor("billing.settle_review")
        reviews.settle_review(actor=finance, order_no=order.order_no, how="zero", reason="our fault")
        flow.send_record(site, flow.reported(site, order, {"flat": "10"}))
        assert settled(order).total_fen == 0 and flow.money(site.driver) == (10_000, 0, 0)
        item = ReviewItem.objects.get(state="open")
        assert item.reasons[0]["code"] == "record_after_settlement"
        reviews.resolve_item(actor=finance, item_id=item.pk, resolution="goodwill")
        with pytest.raises(DomainError) as refusal:
            reviews.resolve_item(actor=finance, item_id=item.pk, resolution="goodwill")
        assert refusal.value.code == "review_closed"

    def test_an_order_that_is_still_measured_is_not_given_up(self, clock):
        site = make_site()
        order = session(site, clock)
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        clock.shift(settings.COMMAND_TIMEOUT_S + settings.RECORD_TIMEOUT_S)
        flow.sample(site, order, "10.0000")
        sweeps.sweep_orders(actor=SWEEP)
        assert settled(order).state == S.STOPPING and order.due_at > timezone.now()


class TestReviewByAPerson:
    @pytest.fixture
    def doubtful(self, clock):
        site = make_site()
        order = session(site, clock)
        flow.send_record(site, flow.reported(site, order, {"flat": "80"}))
        assert settled(order).state == S.REVIEW
        return site, order

    @pytest.mark.promise(10)
    @pytest.mark.parametrize(("how", "total_fen"), [("record", 8_800), ("zero", 0)])
    def test_settles_once_with_a_reason_in_the_audit_trail(self, doubtful, how, total_fen):
        site, order = doubtful
        finance = staff_actor("billing.settle_review", operator=site.operator)
        order = reviews.settle_review(
            actor=finance, order_no=order.order_no, how=how, reason="measured again"
        )
        assert (order.state, order.total_fen) == (S.SETTLED, total_fen)
        assert evidence.recompute(order).total_fen == total_fen
        assert flow.money(site.driver) == (10_000 - total_fen, 0, 0)
        event = AuditEvent.objects.get(action="billing.settle_review")
        assert event.reason == "measured again" and event.before["state"] == "review"
        assert event.after["total_fen"] == total_fen
        with pytest.raises(DomainError) as refusal:
            reviews.settle_review(actor=finance, order_no=order.order_no, how="record", reason="again")
        assert refusal.value.code == "order_not_in_review"
        flow.assert_books_balance()

    def test_is_refused_without_right_scope_reason_or_basis(self, doubtful):
        site, order = doubtful
        finance = staff_actor("billing.settle_review", operator=site.operator)
        foreign = staff_actor("billing.settle_review", operator=make_site().operator)
        tries = [
            (staff_actor(operator=site.operator), "zero", "x", "permission_denied"),
            (site.driver_actor, "zero", "x", "permission_denied"),
            (foreign, "zero", "x", "order_unknown"),
            (finance, "half", "x", "choice_invalid"),
            (finance, "zero", "  ", "reason_required"),
            (finance, "samples", "x", "record_missing"),
        ]
        for actor, how, reason, code in tries:
            with pytest.raises(DomainError) as refusal:
                reviews.settle_review(actor=actor, order_no=order.order_no, how=how, reason=reason)
            assert refusal.value.code == code
        assert settled(order).state == S.REVIEW and flow.money(site.driver) == (10_000, 10_000, 0)
        with pytest.raises(DomainError) as refusal:
            reviews.resolve_item(actor=finance, item_id=ReviewItem.objects.get().pk, resolution="done")
        assert refusal.value.code == "order_needs_settling"


def test_orders_of_others_are_untouched_by_a_settlement(clock):
    site = make_site()
    bystander = make_driver(balance_fen=700)
    order = session(site, clock)
    flow.send_record(site, flow.reported(site, order, {"flat": "1"}))
    assert flow.money(bystander) == (700, 0, 0)
