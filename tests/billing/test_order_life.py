"""The life of an order: every way it can go, each with its defined end."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from billing.models import ChargingOrder, Hold, Journal, ReviewItem
from billing.services import orders, sweeps
from devices.events import MeterSampled
from devices.models import DeviceCommand
from devices.services import presence, transactions
from devices.services.samples import StoredReading, store_samples
from kernel import clock
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from stations.models import Connector
from tests.billing import flow
from tests.factories import add_pile, bring_online, make_driver, make_site, staff_actor
from users.actors import of_driver

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
S = ChargingOrder.State
SWEEP = system("order sweep")
ONE_YUAN = tuple((tier, "0.60000", "0.40000") for tier in ("sharp", "peak", "flat", "valley"))


def refused(code, call, *args, **kwargs):
    with pytest.raises(DomainError) as refusal:
        call(*args, **kwargs)
    assert refusal.value.code == code
    return refusal.value


class TestStart:
    @pytest.mark.feature("WAL-07")
    @pytest.mark.feature("TAR-12")
    def test_holds_the_money_and_sends_the_command(self):
        site = make_site(balance_fen=10_000)
        order = flow.start(site)
        assert order.state == S.STARTING
        assert flow.money(site.driver) == (10_000, 10_000, 0)
        command = flow.last_command(order)
        assert command.params["balance_fen"] == 10_000
        assert command.params["transaction_ref"] == order.transaction_ref
        assert len(order.transaction_ref) == 32 and order.transaction_ref.isdigit()
        assert order.transaction_ref.startswith(site.connector.code)
        assert (command.expires_at - command.created_at).total_seconds() == settings.START_TIMEOUT_S
        assert AuditEvent.objects.filter(action="billing.start_order").count() == 1

    def test_holds_no_more_than_the_usual_amount_or_the_limit(self):
        site = make_site(balance_fen=50_000)
        assert flow.start(site).stop_at_fen == settings.DEFAULT_HOLD_FEN
        other = make_site(balance_fen=50_000)
        assert flow.start(other, limit_fen=3_000).stop_at_fen == 3_000
        assert flow.money(other.driver) == (50_000, 3_000, 0)

    def test_an_ocpp_order_is_known_by_its_tag_until_the_pile_has_a_number(self):
        site = make_site(protocol="ocpp16")
        order = flow.start(site)
        assert order.transaction_ref == "" and 0 < len(order.id_tag) <= 20
        flow.begin(site, order)
        assert order.state == S.CHARGING and order.transaction_ref

    @pytest.mark.parametrize(
        ("break_it", "code"),
        [
            (
                lambda s: presence.close_session(session_id=s.pile.sessions.get().pk, reason="x"),
                "pile_offline",
            ),
            (
                lambda s: type(s.pile).objects.filter(pk=s.pile.pk).update(in_service=False),
                "pile_out_of_service",
            ),
            (
                lambda s: type(s.station).objects.filter(pk=s.station.pk).update(is_open=False),
                "station_closed",
            ),
            (lambda s: Connector.objects.update(state="fault"), "connector_fault"),
            (lambda s: Connector.objects.update(state="charging"), "connector_busy"),
            (lambda s: s.tariff.assignments.all().delete(), "no_tariff"),
            (lambda s: s.pile.held_tariff.delete(), "tariff_not_on_pile"),
            (lambda s: type(s.driver).objects.filter(pk=s.driver.pk).update(is_frozen=True), "driver_frozen"),
        ],
    )
    def test_is_refused_with_its_reason_and_leaves_nothing(self, break_it, code):
        site = make_site()
        break_it(site)
        refused(code, flow.start, site)
        assert not ChargingOrder.objects.exists() and not DeviceCommand.objects.exists()
        assert not Hold.objects.exists() and flow.money(site.driver) == (10_000, 0, 0)

    def test_needs_money(self):
        site = make_site(balance_fen=settings.MINIMUM_START_BALANCE_FEN - 1)
        error = refused("insufficient_balance", flow.start, site)
        assert error.params == {"available_yuan": "4.99", "needed_yuan": "5.00"}

    @pytest.mark.parametrize("limit", [0, -1, True, 10_000_001])
    def test_a_limit_that_is_no_amount_is_refused(self, limit):
        site = make_site()
        error = refused("amount_invalid", flow.start, site, limit_fen=limit)
        assert error.field == "limit_fen" and not ChargingOrder.objects.exists()

    def test_one_open_order_per_driver(self):
        site = make_site(balance_fen=50_000)
        first = flow.start(site)
        error = refused("driver_busy", flow.start, site, connector=site.connectors[1])
        assert error.params == {"order_no": first.order_no}

    def test_one_open_order_per_connector(self):
        site = make_site()
        flow.start(site)
        other = make_driver()
        refused("connector_busy", flow.start, site, driver=other)
        assert flow.money(other) == (10_000, 0, 0)

    def test_a_driver_starts_for_themself_only_and_staff_need_the_right_and_the_scope(self):
        site, stranger = make_site(), make_driver()
        refused("permission_denied", flow.start, site, actor=of_driver(stranger))
        refused("permission_denied", flow.start, site, actor=staff_actor(operator=site.operator))
        foreign = staff_actor("stations.remote_start", operator=make_site().operator)
        refused("connector_unknown", flow.start, site, actor=foreign)
        order = flow.start(site, actor=staff_actor("stations.remote_start", operator=site.operator))
        assert order.start_method == ChargingOrder.StartMethod.STAFF

    @pytest.mark.parametrize("state", ["rejected", "expired", "failed"])
    def test_a_start_that_fails_closes_the_order_and_frees_the_money(self, state):
        site = make_site()
        order = flow.start(site)
        flow.answer(order, state=state, reason="not_plugged_in")
        order.refresh_from_db()
        assert order.state == S.CLOSED
        assert flow.money(site.driver) == (10_000, 0, 0)
        # Nobody knows what a silent pile does, so it is told to stop.
        assert bool(flow.last_command(order, "stop")) is (state == "expired")

    def test_a_start_that_is_never_followed_by_charging_is_closed_and_stopped(self):
        site = make_site()
        order = flow.start(site)
        flow.answer(order)
        assert sweeps.sweep_orders(actor=SWEEP) == 0
        with time_machine.travel(timezone.now() + timedelta(seconds=settings.START_TIMEOUT_S + 1)):
            assert sweeps.sweep_orders(actor=SWEEP) == 1
            assert sweeps.sweep_orders(actor=SWEEP) == 0
        order.refresh_from_db()
        assert order.state == S.CLOSED and flow.money(site.driver) == (10_000, 0, 0)
        assert flow.last_command(order, "stop") is not None

    @pytest.mark.parametrize("protocol", ["ykc", "ocpp16"])
    def test_late_charging_is_stopped_and_shown_to_a_person(self, protocol):
        site = make_site(protocol=protocol)
        order = flow.start(site)
        flow.answer(order, state="failed")
        for _ in range(2):
            flow.begin(site, order)
        assert order.state == S.CLOSED
        assert flow.last_command(order, "stop").params["transaction_ref"] == order.transaction_ref != ""
        assert ReviewItem.objects.get().kind == ReviewItem.Kind.LATE_CHARGING
        assert flow.money(site.driver) == (10_000, 0, 0)

    def test_charging_under_an_unknown_number_or_tag_opens_nothing(self):
        site = make_site(protocol="ocpp16")
        started = transactions.start_transaction(
            pile=site.ref,
            connector_no=1,
            id_tag="STRANGER",
            started_at=timezone.now(),
            meter_start_kwh=Decimal("0"),
            at=timezone.now(),
        )
        assert started.authorization == "invalid"
        assert not ChargingOrder.objects.exists() and not Journal.objects.filter(kind="settlement").exists()


class TestRunning:
    def test_figures_grow_with_the_samples_by_the_pricing_function(self):
        with time_machine.travel(
            "2026-11-20T02:20:00Z", tick=False
        ) as clock:  # 10:20 in the station: peak, 1.40
            site = make_site()
            order = flow.charging(site)
            clock.shift(300)
            flow.sample(site, order, "5.0000", soc=41)
            assert (order.energy_kwh, order.total_fen, order.soc_pct) == (5, 700, 41)
            assert order.segments == {"2026-11-20T10:00+08:00": "5.0000"}
            clock.shift(600)
            flow.sample(site, order, "15.0000")
        assert order.total_fen == 2_100
        assert order.segments == {"2026-11-20T10:00+08:00": "10.0000", "2026-11-20T10:30+08:00": "5.0000"}

    def test_a_batch_without_energy_changes_no_energy(self):
        site = make_site()
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(minutes=10))
        flow.sample(site, order, "2.0000")
        flow.sample(site, order, None, power=None, soc=77)
        assert (str(order.energy_kwh), order.soc_pct) == ("2.0000", 77)

    @pytest.mark.promise(4)
    @pytest.mark.parametrize("energy", ["910.0000", "1.0000"])
    def test_a_reading_that_jumps_or_falls_is_not_applied(self, energy):
        site = make_site()
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(minutes=10))
        flow.sample(site, order, "2.0000")
        before = order.total_fen
        for _ in range(2):
            flow.sample(site, order, energy)
        assert (str(order.energy_kwh), order.total_fen) == ("2.0000", before)
        assert order.events.filter(kind="reading_doubtful").count() == 1

    @pytest.mark.parametrize("count", [1, 8])
    def test_a_batch_costs_one_write_per_order_and_a_fixed_number_of_reads(
        self, count, django_assert_max_num_queries
    ):
        site = make_site(connectors=8, balance_fen=0)
        running = [
            flow.charging(site, connector=connector, driver=make_driver())
            for connector in site.connectors[:count]
        ]
        readings = [
            StoredReading(
                MeterSampled(
                    pile=site.ref,
                    connector_no=order.connector.number,
                    at=timezone.now(),
                    transaction_ref=order.transaction_ref,
                    energy_kwh=Decimal(energy),
                    power_kw=Decimal("60"),
                )
            )
            for order in running
            for energy in ("0.0100", "0.0200")
        ]
        # savepoints of the two services, the insert, two reads; then one update per order
        with django_assert_max_num_queries(7 + count):
            store_samples(readings)
        for order in running:
            order.refresh_from_db()
            assert str(order.energy_kwh) == "0.0200"

    def test_suspect_readings_of_the_device_floor_are_not_applied(self):
        site = make_site()
        order = flow.charging(site)
        flow.sample(site, order, "0.1000", suspect="register_jump")
        assert order.energy_kwh == 0

    def test_stops_once_before_the_held_money_is_used_up(self):
        # 45 s at 60 kW and 1.00 yuan are 75 fen more; one fen is for rounding.
        site = make_site(balance_fen=1_000, prices=ONE_YUAN)
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(hours=1))
        flow.sample(site, order, "9.2300")
        assert (order.state, order.total_fen) == (S.CHARGING, 923)
        for energy in ("9.2400", "9.3000"):
            flow.sample(site, order, energy)
        assert (order.state, order.total_fen) == (S.STOPPING, 930)
        assert DeviceCommand.objects.filter(kind="stop", reference=order.order_no).count() == 1
        assert order.events.get(kind="stop_requested").data == {"reason": "balance"}

    def test_a_pile_that_samples_seldom_is_stopped_earlier(self):
        # Once in five minutes: 330 s at 60 kW and 1.00 yuan are 550 fen.
        site = make_site(balance_fen=1_000, prices=ONE_YUAN)
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(minutes=5))
        ChargingOrder.objects.filter(pk=order.pk).update(last_sample_at=clock.now() - timedelta(minutes=5))
        order.refresh_from_db()
        flow.sample(site, order, "4.6000")
        assert (order.state, order.total_fen) == (S.STOPPING, 460)

    def test_two_reports_of_not_charging_end_the_session_one_does_not(self):
        site = make_site()
        order = flow.charging(site)
        flow.report_state(site, order, "idle")
        assert order.state == S.CHARGING
        flow.report_state(site, order, "idle", plugged=False)
        assert order.state == S.FINISHING and order.due_at is not None
        assert flow.money(site.driver)[1] == 10_000  # the money stays held until the record is priced

    def test_one_report_is_enough_after_a_stop_was_requested(self):
        site = make_site()
        order = flow.charging(site)
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        flow.report_state(site, order, "occupied")
        assert order.state == S.FINISHING

    def test_one_report_followed_by_readings_is_a_slip(self):
        site = make_site()
        order = flow.charging(site)
        flow.report_state(site, order, "occupied")
        flow.sample(site, order, "0.1000")
        assert order.due_at is None
        flow.report_state(site, order, "occupied")
        assert order.state == S.CHARGING

    def test_one_report_and_then_silence_ends_the_session(self):
        site = make_site()
        order = flow.charging(site)
        flow.report_state(site, order, "fault")
        with time_machine.travel(timezone.now() + timedelta(seconds=46)):
            sweeps.sweep_orders(actor=SWEEP)
        order.refresh_from_db()
        assert order.state == S.FINISHING

    def test_an_ocpp_pile_that_pauses_keeps_its_transaction(self):
        site = make_site(protocol="ocpp16")
        order = flow.charging(site)
        for _ in range(3):
            flow.report_state(site, order, "occupied")
        assert order.state == S.CHARGING

    def test_a_pile_that_comes_back_goes_on_where_it_was(self):
        site = make_site()
        order = flow.charging(site)
        flow.shift_into_past(order, timedelta(minutes=10))
        presence.close_session(session_id=site.pile.sessions.get().pk, reason="gateway_restarted")
        flow.come_back(site)
        flow.begin(site, order)
        flow.sample(site, order, "3.0000")
        assert order.state == S.CHARGING and str(order.energy_kwh) == "3.0000"
        assert ChargingOrder.objects.count() == 1 and Hold.objects.count() == 1
        kinds = list(order.events.values_list("kind", flat=True))
        assert kinds.count("pile_offline") == kinds.count("pile_online") == 1


class TestStop:
    def test_a_driver_stops_their_own_order_only(self):
        site, stranger = make_site(), make_driver()
        order = flow.charging(site)
        refused("order_unknown", orders.stop_order, actor=of_driver(stranger), order_no=order.order_no)
        order = orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        assert order.state == S.STOPPING
        assert flow.last_command(order, "stop").params["transaction_ref"] == order.transaction_ref

    def test_staff_need_the_right_and_the_scope(self):
        site = make_site()
        order = flow.charging(site)
        none = staff_actor(operator=site.operator)
        refused("permission_denied", orders.stop_order, actor=none, order_no=order.order_no)
        foreign = staff_actor("stations.remote_stop", operator=make_site().operator)
        refused("order_unknown", orders.stop_order, actor=foreign, order_no=order.order_no)
        assert not DeviceCommand.objects.filter(kind="stop").exists()
        staff = staff_actor("stations.remote_stop", operator=site.operator)
        orders.stop_order(actor=staff, order_no=order.order_no, reason="car is full")
        event = AuditEvent.objects.get(action="billing.stop_order")
        assert (event.reason, event.before, event.after) == (
            "car is full",
            {"state": "charging"},
            {"state": "stopping"},
        )

    def test_stopping_twice_sends_one_command(self):
        site = make_site()
        order = flow.charging(site)
        for _ in range(2):
            orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        assert DeviceCommand.objects.filter(kind="stop").count() == 1

    def test_a_stop_that_fails_leaves_the_order_charging_and_can_be_repeated(self):
        site = make_site()
        order = flow.charging(site)
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        flow.answer(order, "stop", "rejected", "other")
        order.refresh_from_db()
        assert order.state == S.CHARGING
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        assert DeviceCommand.objects.filter(kind="stop").count() == 2

    def test_an_offline_pile_cannot_be_stopped_and_says_so(self):
        site = make_site()
        order = flow.charging(site)
        presence.close_session(session_id=site.pile.sessions.get().pk, reason="lost")
        refused("pile_offline", orders.stop_order, actor=site.driver_actor, order_no=order.order_no)
        order.refresh_from_db()
        assert order.state == S.CHARGING

    def test_an_ocpp_order_without_a_number_is_stopped_as_soon_as_it_has_one(self):
        site = make_site(protocol="ocpp16")
        order = flow.start(site)
        flow.answer(order)
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        assert flow.last_command(order, "stop") is None
        flow.begin(site, order)
        assert order.state == S.STOPPING
        assert flow.last_command(order, "stop").params["transaction_ref"] == order.transaction_ref

    def test_a_start_that_was_stopped_before_it_charged_is_closed(self):
        site = make_site()
        order = flow.start(site)
        orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
        flow.overdue(order)
        sweeps.sweep_orders(actor=SWEEP)
        order.refresh_from_db()
        assert order.state == S.CLOSED and flow.money(site.driver) == (10_000, 0, 0)

    def test_an_order_that_is_over_cannot_be_stopped(self):
        site = make_site()
        order = flow.start(site)
        flow.answer(order, state="rejected")
        refused("order_not_running", orders.stop_order, actor=site.driver_actor, order_no=order.order_no)


def test_the_transaction_numbers_of_one_second_differ():
    site = make_site()
    with time_machine.travel("2026-11-20T02:20:00Z", tick=False):
        bring_online_again = site.pile.sessions.get()
        numbers = []
        for _ in range(3):
            order = flow.start(site)
            flow.answer(order, state="rejected")
            numbers.append(order.transaction_ref)
    assert bring_online_again.closed_at is None
    assert numbers == [f"{site.connector.code}261120102000{n:04d}" for n in range(3)]


def test_staff_of_one_station_starts_on_any_of_its_piles():
    site = make_site(balance_fen=50_000)
    pile = add_pile(site.station, protocol="ocpp16", connectors=1)
    bring_online(pile)
    order = flow.start(
        site,
        connector=pile.connectors.get(),
        actor=staff_actor("stations.remote_start", operator=site.operator),
    )
    assert order.pile == pile and order.driver == site.driver
