"""A week of three operators and an agent: bills, statements, payouts and invoices tie to the fen, and stay checked."""

import os
import time
from datetime import datetime, timedelta

import pytest

from billing import business_day
from billing.models import CheckFinding, CheckRun, Invoice, Payout, Statement
from billing.services import nightly
from billing.services.invoice_checks import invoice_problems
from kernel import clock
from kernel.metrics import read_gauges
from tests import factories as f
from tests.billing.finance.desk import assert_ties, money_of, platform
from tests.billing.finance.screens import differing
from tests.billing.finance.week import Week

pytestmark = pytest.mark.django_db


@pytest.mark.promise(6)
def test_a_week_ties_to_the_fen(channels, sandbox, client):
    channels.INVOICE_PROVIDER = {**sandbox.keys.merchant()["invoice"], "url": f"{sandbox.url}/invoice/v1"}
    week = Week(sandbox, drivers_each=1).open()
    noon = business_day.bounds(business_day.today())[0] - timedelta(days=7) + timedelta(hours=12)
    week.live(noon)
    week.invoice_everything()
    told = week.report()
    assert told["orders"] == 21 and told["days_closed"] == 7 and told["differences_open"] == 0 and week.lost
    assert told["payments_fen"] == told["payments_here_fen"] == told["bills_payments_fen"]
    assert told["refunds_fen"] == told["refunds_here_fen"] == told["bills_refunds_fen"]
    assert told["income_fen"] == told["divided_fen"] == told["invoiced_fen"] + told["beside_fen"]
    assert told["invoiced_fen"] == told["provider_invoiced_fen"]
    assert told["beside_fen"] == told["beside_here_fen"] > told["by_desk_fen"] > 0
    assert told["shares_fen"] == told["stated_fen"] == told["payouts_fen"] + told["carried_fen"]
    assert told["payouts_fen"] == told["transfers_fen"]
    in_channels = -(platform("channel_wechat") + platform("channel_alipay"))
    assert in_channels == (
        told["payments_fen"] - told["refunds_fen"] - told["channel_fees_fen"] - told["payouts_fen"]
    )
    (agent,) = week.agents
    of_agent = Payout.objects.filter(payee=agent, state="paid")
    assert (
        of_agent.count() >= 6
        and money_of(agent) == Statement.objects.filter(payee=agent).first().carried_out_fen
    )
    assert_ties()
    assert list(invoice_problems()) == []
    client.force_login(f.make_staff(superuser=True))
    assert differing(client, told) == {}, "the console's pages show other totals"


def test_the_nightly_check_runs_once_and_keeps_what_it_finds(caplog):
    at = business_day.bounds(business_day.today())[0]
    with clock.held_at(at + timedelta(hours=2)):
        assert nightly.run_if_due() is None, "not before three"
    with clock.held_at(at + timedelta(hours=3, minutes=1)):
        assert nightly.run_if_due().problems == 0
        assert nightly.run_if_due() is None, "once a night"
    with clock.held_at(at + timedelta(days=1, hours=4)):
        problem = nightly.Problem(
            "balance_differs", "account 1", {"balance_fen": 1, "at": datetime(2026, 1, 1)}
        )
        nightly.keep([problem])
        nightly.keep([problem])
        row = CheckFinding.objects.get()
        assert row.data == {"balance_fen": 1, "at": "2026-01-01T00:00:00"} and row.gone_at is None
        gauges = {gauge.name: gauge.value for gauge in read_gauges()[0]}
        assert gauges["ev_book_problems"] == 1 and gauges["ev_channel_differences"] == 0
        nightly.run_if_due()
    row.refresh_from_db()
    assert row.gone_at is not None and CheckRun.objects.count() == 2
    assert not Invoice.objects.exists()


@pytest.mark.soak
def test_a_big_week_ties_to_the_fen(channels, sandbox):
    drivers, orders = (int(part) for part in os.environ.get("BIG_WEEK", "2,6").split(","))
    channels.INVOICE_PROVIDER = {**sandbox.keys.merchant()["invoice"], "url": f"{sandbox.url}/invoice/v1"}
    week = Week(sandbox, drivers_each=drivers, orders_a_day=orders).open()
    began = time.monotonic()
    week.live(business_day.bounds(business_day.today())[0] - timedelta(days=6, hours=12))
    week.invoice_everything()
    lived = time.monotonic()
    assert_ties()
    assert list(invoice_problems()) == []
    told = week.report()
    assert told["income_fen"] == told["divided_fen"] == told["invoiced_fen"] + told["beside_fen"]
    assert told["beside_fen"] == told["beside_here_fen"]
    assert told["shares_fen"] == told["stated_fen"] == told["transfers_fen"] + told["carried_fen"]
    print(
        f"lived in {lived - began:.0f} s, checked in {time.monotonic() - lived:.1f} s, {week.lost} notices lost"
    )
    print(told)
