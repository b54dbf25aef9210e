"""Income that no charge brought: in every report, and equal to the ledger."""

from datetime import timedelta

import pytest
import time_machine

from analytics import pivot, reports, tasks
from billing.services import bookings, month_cards
from tests.analytics.test_reports import ALL, HALF_PAST_NINE, charge, read
from tests.billing.finance.desk import clear_all, month_sold, no_show, settled
from tests.factories import make_site, staff_actor

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def clock():
    with time_machine.travel(HALF_PAST_NINE, tick=False) as travel:
        yield travel


@pytest.mark.feature("FIN-01", "FIN-02")
def test_what_is_paid_for_no_charge_is_in_every_report_and_in_the_ledger(clock):
    site = make_site()
    charge(site, clock, {"valley": "5.0000"})
    booking = no_show(site, fen=500)
    sale = month_sold(site, fen=3_000)
    covered = settled(site, payer_kind="card", card=sale.card, cover="month_card")
    assert covered.covered_fen == covered.total_fen > 0
    before = (read("platform").totals, booking, sale)
    tasks.rebuild_facts()
    clear_all()  # dividing it is no income again
    whole = read("platform").totals
    assert before[0]["income_fen"] == 0 and whole["fees_fen"] == 3_500
    assert (whole["orders"], whole["discount_fen"]) == (2, 1_100), "what the card covers was not paid"
    for dimension, less in (("operator", 0), ("station", 0), ("pile", 0), ("driver", 3_000)):
        report = read(dimension)
        assert report.agrees is True, dimension
        assert report.totals["income_fen"] == whole["income_fen"] - less
    labels = {label: values["income_fen"] for _m, label, values in read("station").lines}
    assert labels[str(reports.NOWHERE)] == 3_000
    table = pivot.read(
        actor=ALL, query=pivot.parse({"row": "station", "first": "2026-11-20", "last": "2026-11-21"})
    )
    assert table.agrees is True and table.totals["income_fen"] == whole["income_fen"]
    # A scope of one station sees what has a place; one of the operator all of it.
    boss = staff_actor("analytics.view_reports", operator=site.operator)
    assert read("station", actor=boss).totals["income_fen"] == whole["income_fen"]
    clock.shift(timedelta(hours=1))
    month_cards.pay_back_month(actor=ALL, sale=sale, amount_fen=3_000, reason="moved away")
    bookings.waive(actor=ALL, booking_no=booking.booking_no, reason="he did come")
    tasks.build_recent_facts()
    after = read("platform")
    assert (after.totals["fees_fen"], after.agrees) == (0, True)
