"""Fifty starts at once on one enterprise: neither its money nor a member's limit is spent twice."""

import pytest

from billing.models import ChargingOrder, EnterpriseStation
from billing.services import ledger, orders, paying
from devices.models import DeviceCommand
from kernel.actor import system
from kernel.errors import DomainError
from tests import factories as f
from tests.billing import flow
from users.actors import of_driver
from users.models import EnterpriseMember

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
SYSTEM = system("tests")


def codes(results):
    return sorted(r.code if isinstance(r, DomainError) else type(r).__name__ for r in results)


@pytest.mark.promise(6)
@pytest.mark.feature("USR-03", "TEN-25")
def test_fifty_members_at_once_spend_what_the_enterprise_has_and_a_member_what_they_may():
    site = f.make_site(protocol="ocpp16")
    enterprise = f.EnterpriseFactory(operator=site.operator)
    EnterpriseStation.objects.create(enterprise=enterprise, station=site.station)
    ledger.top_up(actor=SYSTEM, driver=enterprise, amount_fen=10_000, reason="r", idempotency_key="1")
    connectors = []
    for _ in range(25):
        pile = f.add_pile(site.station, protocol="ocpp16")
        f.bring_online(pile)
        connectors += pile.connectors.all()
    members = [f.make_driver(balance_fen=0) for _ in range(50)]
    for driver in members:
        EnterpriseMember.objects.create(
            enterprise=enterprise, operator=site.operator, driver=driver, order_limit_fen=900
        )

    def start(n, driver=None):
        who = driver or members[n]
        return orders.start_order(
            actor=of_driver(who), connector_code=connectors[n].code, driver=who, enterprise=enterprise
        )

    results = flow.in_threads(50, start)
    # Eleven of 9 yuan leave 1 yuan, which is less than anybody may start with.
    assert codes(results) == ["ChargingOrder"] * 11 + ["insufficient_balance"] * 39
    account = ledger.paying_account(paying.payers.of_enterprise(enterprise))
    assert (account.balance_fen, account.held_fen) == (10_000, 9_900)
    flow.assert_books_balance()

    # One member on many connectors: one at a time, and never above the day's limit.
    ChargingOrder.objects.exclude(pk=0).update(state="settled", total_fen=0)
    DeviceCommand.objects.update(state="accepted")  # or a connector's own pending start refuses first
    ledger.top_up(actor=SYSTEM, driver=enterprise, amount_fen=90_000, reason="r", idempotency_key="2")
    one = members[49]
    EnterpriseMember.objects.filter(driver=one).update(order_limit_fen=None, day_limit_fen=1_500)
    results = flow.in_threads(20, lambda n: start(n, one))
    assert codes(results) == ["ChargingOrder"] + ["driver_busy"] * 19
    order = next(r for r in results if isinstance(r, ChargingOrder))
    assert order.stop_at_fen == 1_500
    # The next start sees what the first may still cost.
    ChargingOrder.objects.filter(pk=order.pk).update(state="finishing")
    with pytest.raises(DomainError) as refusal:
        start(48, one)
    assert refusal.value.code == "member_limit_reached"
