"""Cards at an e-bike box over a real broker: what the reader shows, what a month is worth, what comes back, faults."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from alerts.models import Alert
from billing.models import BoxCashDay, ChargingOrder
from billing.services import ledger
from devices.words import fault_text
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Connector
from tests import factories as f
from tests.billing import flow
from tests.devices.gateway.test_ykc_listener import until
from users.models import Card

pytestmark = pytest.mark.django_db(transaction=True)
JOB = system("tests")


def swipe(one, card, port, number):
    one.say("request", id=number, port=port, method="card", credential=card.physical_no)
    return one.expect("decision", id=number)


def charge(one, site, decision, energy):
    """The charge of a decision: begun, an hour long, told by its record."""
    ref, port = decision["transaction"], decision["port"]
    order = ChargingOrder.objects.get(order_no=ref)
    one.tell("charge", event="started", port=port, transaction=ref)
    until(lambda: ChargingOrder.objects.filter(pk=order.pk, state="charging").exists())
    order.refresh_from_db()
    flow.shift_into_past(order, timedelta(hours=1))
    one.tell(
        "record",
        port=port,
        transaction=ref,
        started_at=order.started_at.isoformat(),
        ended_at=timezone.now().isoformat(),
        energy_kwh=energy,
        stop_reason="unplugged",
        method="card",
    )
    one.tell("charge", event="ended", port=port, transaction=ref, reason="unplugged")
    one.tell("status", ports=[{"port": port, "state": "plugged"}])
    until(lambda: ChargingOrder.objects.filter(pk=order.pk, state="settled").exists())
    order.refresh_from_db()
    return order


@pytest.mark.feature("EBK-03", "EBK-05", "EBK-09", "EBK-11")
def test_cards_ports_and_faults_of_a_box(device, mqtt_gateway, site, pile):
    flow.publish(site, prices=[("flat", "1.00000", "0")], slots=["flat"] * 48)
    money = f.CardFactory(operator=site.operator, physical_no="A1")
    month = f.CardFactory(operator=site.operator, physical_no="A2", kind="month", daily_times=1)
    for card in (money, month):
        ledger.top_up(actor=JOB, driver=card, amount_fen=2_000, reason="r", idempotency_key=f"c{card.pk}")
    one = device()
    one.birth()
    one.tell("status", ports=[{"port": number, "state": "plugged"} for number in range(1, 11)])

    # The reader is told the balance, and the port that was picked at the box is that of the order.
    decision = swipe(one, money, 7, "r1")
    assert (decision["ok"], decision["port"], decision["balance_fen"]) == (True, 7, 2_000)
    order = charge(one, site, decision, 0.5)
    assert (order.connector.number, order.start_method, order.card) == (7, "card", money)
    # The whole card was held for it; what was not used is the card's again.
    account = money.accounts.get(kind="card")
    assert (account.balance_fen, account.held_fen) == (1_950, 0)

    # A month: free inside its day, the normal price above it and after its end.
    paid = []
    for number in ("r2", "r3"):
        order = charge(one, site, swipe(one, month, 2, number), 0.4)
        paid.append((order.cover, order.payable_fen))
    Card.objects.filter(pk=month.pk).update(
        daily_times=None, valid_until=timezone.localdate() - timedelta(days=1)
    )
    order = charge(one, site, swipe(one, month, 3, "r4"), 0.4)
    assert [*paid, (order.cover, order.payable_fen)] == [("month_card", 0), ("", 40), ("", 40)]

    # Swipes are counted by the day, with the money of coins and offline cards.
    at = timezone.now()
    for swipes, later in ((10, 0), (13, 1)):
        one.tell("income", coins_fen_total=0, cards_fen_total=swipes * 50, cards_total=swipes, at=(at + timedelta(seconds=later)).isoformat())  # fmt: skip
    day = until(lambda: BoxCashDay.objects.filter(pile=pile, swipes__gt=0).first())
    assert (day.swipes, day.cards_fen) == (3, 150)

    # A faulty line: blocked, an alert, and the code that the box shows.
    one.tell("status", ports=[{"port": 4, "state": "fault", "fault": "short_circuit"}])
    port = until(lambda: Connector.objects.filter(pile=pile, number=4, state="fault").first())
    alert = until(lambda: Alert.objects.filter(pile=pile, connector_no=4, closed_at__isnull=True).first())
    assert port.fault_code == alert.code == "short_circuit"
    assert fault_text("mqtt", port.fault_code) != "short_circuit"
    assert swipe(one, money, 4, "r5") == {"id": "r5", "ok": False, "port": 4, "reason": "pile_stopped"}
    with pytest.raises(DomainError):
        flow.start(site, connector=port)
    one.tell("status", ports=[{"port": 4, "state": "idle"}])
    until(lambda: not Alert.objects.filter(pk=alert.pk, closed_at__isnull=True).exists())
    assert Decimal(0) == sum((a.held_fen for a in money.accounts.all()), Decimal(0))
    flow.assert_books_balance()
