"""Many at once on real connections: nobody overspends, one order per connector, one debit per record."""

from datetime import timedelta

import pytest

from billing.models import ChargingOrder, Hold, Journal, ReviewItem
from billing.services import ledger, orders, reviews, sweeps
from devices.models import TransactionRecord
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.factories import add_pile, bring_online, make_driver, make_site, staff_actor
from users.actors import of_driver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def codes(results):
    return sorted(r.code if isinstance(r, DomainError) else type(r).__name__ for r in results)


@pytest.mark.promise(6)
def test_fifty_starts_on_one_wallet_hold_the_money_once():
    site = make_site(balance_fen=3_000, connectors=2, protocol="ocpp16")
    connectors = list(site.connectors)
    for _ in range(24):
        pile = add_pile(site.station, protocol="ocpp16")
        bring_online(pile)
        connectors += pile.connectors.all()
    results = flow.in_threads(50, lambda n: flow.start(site, connector=connectors[n]))
    assert codes(results) == ["ChargingOrder"] + ["driver_busy"] * 49
    assert flow.money(site.driver) == (3_000, 3_000, 0)
    assert Hold.objects.filter(state="active").count() == ChargingOrder.objects.count() == 1
    flow.assert_books_balance()


@pytest.mark.promise(6)
def test_starts_and_top_ups_at_once_leave_sound_books():
    site = make_site(balance_fen=1_000)
    drivers = [make_driver(balance_fen=1_000) for _ in range(6)]

    def work(n):
        driver = drivers[n % 6]
        if n < 6:
            return flow.start(site, connector=site.connectors[n % 2], driver=driver)
        return ledger.top_up(
            actor=system("tests"), driver=driver, amount_fen=100, reason="r", idempotency_key=f"{n}"
        )

    results = flow.in_threads(12, work)
    assert codes(results) == ["ChargingOrder"] * 2 + ["Journal"] * 6 + ["connector_busy"] * 4
    flow.assert_books_balance()


@pytest.mark.promise(6)
@pytest.mark.feature("STA-17")
def test_two_drivers_on_one_connector_get_one_order():
    for _ in range(5):
        site = make_site()
        pair = [make_driver(), make_driver()]
        results = flow.in_threads(2, lambda n: flow.start(site, driver=pair[n]))  # noqa: B023
        assert codes(results) == ["ChargingOrder", "connector_busy"]
        loser = next(d for d, r in zip(pair, results, strict=True) if isinstance(r, DomainError))
        assert flow.money(loser) == (10_000, 0, 0)
    flow.assert_books_balance()


@pytest.mark.promise(2)
def test_one_record_from_twenty_threads_is_one_debit():
    site = make_site()
    order = flow.charging(site)
    flow.shift_into_past(order, timedelta(hours=1))
    record = flow.reported(site, order, {"flat": "10"})
    results = flow.in_threads(20, lambda n: flow.send_record(site, record).pk)
    assert len(set(results)) == 1, results
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("settled", 1_100)
    assert Journal.objects.filter(kind="settlement").count() == 1
    assert TransactionRecord.objects.get().times_received == 20
    assert flow.money(site.driver) == (8_900, 0, 0) and not ReviewItem.objects.exists()
    flow.assert_books_balance()


@pytest.mark.promise(3)
def test_one_record_without_an_order_from_many_threads_is_one_question():
    site = make_site()
    order = flow.start(site)
    record = flow.reported(site, order, {"flat": "10"}, transaction_ref="8" * 32)
    results = flow.in_threads(10, lambda n: flow.send_record(site, record).pk)
    assert len(set(results)) == 1, results
    assert ReviewItem.objects.count() == 1


@pytest.mark.promise(6)
def test_samples_stops_sweeps_and_the_record_at_once_end_in_one_settlement():
    site = make_site()
    order = flow.charging(site)
    flow.shift_into_past(order, timedelta(hours=1))
    record = flow.reported(site, order, {"flat": "10"})

    def work(n):
        match n % 4:
            case 0:
                own = ChargingOrder.objects.get(pk=order.pk)
                return flow.sample(site, own, f"{n / 2:.4f}")
            case 1:
                try:
                    return orders.stop_order(actor=of_driver(site.driver), order_no=order.order_no)
                except DomainError as refusal:
                    assert refusal.code == "order_not_running"
                    return None
            case 2:
                return sweeps.sweep_orders(actor=system("order sweep"))
            case _:
                return flow.send_record(site, record)

    results = flow.in_threads(16, work)
    assert not [result for result in results if isinstance(result, Exception)], results
    order.refresh_from_db()
    assert order.state in ("settled", "review")
    assert Journal.objects.filter(kind="settlement").count() == (order.state == "settled")
    flow.assert_books_balance()


@pytest.mark.promise(6)
def test_two_people_settling_one_review_book_it_once():
    site = make_site()
    order = flow.charging(site)
    flow.shift_into_past(order, timedelta(hours=1))
    flow.send_record(site, flow.reported(site, order, {"flat": "80"}))
    actors = [staff_actor("billing.settle_review") for _ in range(4)]
    results = flow.in_threads(
        4,
        lambda n: reviews.settle_review(actor=actors[n], order_no=order.order_no, how="record", reason="ok"),
    )
    assert codes(results) == ["ChargingOrder"] + ["order_not_in_review"] * 3
    assert flow.money(site.driver) == (1_200, 0, 0)
    flow.assert_books_balance()
