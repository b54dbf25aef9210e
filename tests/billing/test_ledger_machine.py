"""Any sequence of top-ups, holds, releases and captures leaves books that add up."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from billing.models import Account, ChargingOrder, Hold
from billing.services import checks, debts, ledger
from kernel import clock
from kernel.actor import system
from kernel.errors import DomainError
from tests.factories import make_driver, make_site

ACTOR = system("tests")


class LedgerMachine(RuleBasedStateMachine):
    """A model in plain integers beside the real ledger."""

    orders = Bundle("orders")

    def __init__(self):
        super().__init__()
        self.site = make_site(balance_fen=0)
        self.drivers = [make_driver(balance_fen=0) for _ in range(2)]
        self.model = {driver.pk: {"free": 0, "owed": 0} for driver in self.drivers}
        self.held: dict[int, int] = {}
        self.earned = 0
        self.count = 0

    @rule(who=st.integers(0, 1), amount=st.integers(1, 5_000), repeats=st.integers(1, 2))
    def top_up(self, who, amount, repeats):
        driver, model = self.drivers[who], self.model[self.drivers[who].pk]
        self.count += 1
        for _ in range(repeats):
            ledger.top_up(
                actor=ACTOR, driver=driver, amount_fen=amount, reason="r", idempotency_key=f"{self.count}"
            )
        paid = min(model["owed"], amount)
        model["owed"] -= paid
        model["free"] += amount - paid

    @rule(target=orders, who=st.integers(0, 1), amount=st.integers(1, 4_000))
    def hold(self, who, amount):
        driver = self.drivers[who]
        order = ChargingOrder.objects.create(
            order_no=f"machine{ChargingOrder.objects.count()}",
            operator=self.site.operator,
            station=self.site.station,
            pile=self.site.pile,
            connector=self.site.connector,
            driver=driver,
            start_method="code",
            state=ChargingOrder.State.FINISHING,
            tariff_version=self.site.version,
            tariff_snapshot={},
            created_at=clock.now(),
        )
        model = self.model[driver.pk]
        if amount > model["free"]:
            with pytest.raises(DomainError):
                ledger.hold(order=order, amount_fen=amount)
        else:
            ledger.hold(order=order, amount_fen=amount)
            model["free"] -= amount
            self.held[order.pk] = amount
        return order

    @rule(order=orders, twice=st.booleans())
    def release(self, order, twice):
        for _ in range(1 + twice):
            ledger.release_hold(order=order)
        self.model[order.driver_id]["free"] += self.held.pop(order.pk, 0)

    @rule(order=orders, electricity=st.integers(0, 4_000), service=st.integers(0, 2_000))
    def capture(self, order, electricity, service):
        if order.total_fen or order.journals.exists():
            return
        order.electricity_fen, order.service_fen = electricity, service
        order.total_fen = electricity + service
        debts.capture(actor=ACTOR, order=order)
        model = self.model[order.driver_id]
        model["free"] += self.held.pop(order.pk, 0)
        paid = min(model["free"], order.total_fen)
        model["free"] -= paid
        model["owed"] += order.total_fen - paid
        self.earned += order.total_fen

    @invariant()
    def books_are_sound(self):
        assert list(checks.ledger_problems()) == []
        for driver in self.drivers:
            model = self.model[driver.pk]
            assert ledger.wallet_of(driver).available_fen == model["free"]
            assert ledger.arrears_fen(driver) == model["owed"]
        active = Hold.objects.filter(state="active").values_list("amount_fen", flat=True)
        assert sum(active) == sum(self.held.values())
        income = Account.objects.filter(operator=self.site.operator).values_list("balance_fen", flat=True)
        assert sum(income) == self.earned


@pytest.mark.embedded
@pytest.mark.promise(6)
class TestLedgerMachine(TestCase):
    @pytest.mark.feature("WAL-06")
    def test_books_stay_sound(self):
        from django.db import transaction

        class Isolated(LedgerMachine):
            def __init__(self):
                self.savepoint = transaction.atomic()
                self.savepoint.__enter__()
                super().__init__()

            def teardown(self):
                transaction.set_rollback(True)
                self.savepoint.__exit__(None, None, None)

        run_state_machine_as_test(
            Isolated,
            settings=settings(
                max_examples=25,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
