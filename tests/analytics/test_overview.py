"""The figures of the overview are those of the rows behind them, inside the reader's scope."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from analytics import board, selectors
from billing.models import ReviewItem
from kernel.actor import system
from tests import factories as f
from tests.users.tenants import make_order, make_tenant
from users.actors import of_staff

pytestmark = pytest.mark.django_db
ALL = system("tests")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


def test_day_totals_split_at_local_midnight():
    site = f.make_site()
    midnight = NOON.replace(hour=0)

    def settled(at, fen, kwh):
        make_order(
            site, site.driver, order_no=f"D{at:%d%H%M%S}", transaction_ref="", settled_at=at, total_fen=fen,
            electricity_fen=fen, service_fen=0, energy_kwh=Decimal(kwh),
        )  # fmt: skip

    settled(midnight, 100, "1")
    settled(NOON - timedelta(hours=1), 200, "2")
    settled(midnight - timedelta(seconds=1), 40, "0.4")  # yesterday, later than this time
    settled(midnight - timedelta(hours=20), 8, "0.08")  # yesterday, before this time
    settled(midnight - timedelta(hours=25), 1000, "10")  # the day before
    day = selectors.day_totals(actor=ALL)
    assert (day.amount_fen, day.amount_then_fen, day.amount_yesterday_fen) == (300, 8, 48)
    assert (day.energy_kwh, day.energy_yesterday_kwh) == (Decimal("3"), Decimal("0.48"))
    assert (day.orders, day.orders_then, day.orders_yesterday) == (2, 1, 2)


def test_today_is_compared_with_yesterday_by_this_time_and_says_so(client):
    site = f.make_site()
    midnight = NOON.replace(hour=0)
    for number, (at, fen) in enumerate(
        [(NOON, 150), (midnight - timedelta(hours=20), 100), (midnight - timedelta(hours=1), 900)]
    ):
        make_order(
            site, site.driver, order_no=f"C{number}", transaction_ref="", settled_at=at, total_fen=fen,
            electricity_fen=fen, service_fen=0,
        )  # fmt: skip
    client.force_login(f.make_staff(superuser=True))
    page = client.get(reverse("admin:board"), headers={"Accept-Language": "zh-CN"}).json()["parts"]["money"]
    for words in ("+50 %", "昨日同期 ¥1.00", "昨日全天 ¥10.00"):
        assert words in page


def test_energy_by_hour_adds_up_running_and_settled_orders():
    site = f.make_site()
    segments = {
        "2026-11-20T10:00+08:00": "1.5",
        "2026-11-20T10:30+08:00": "2.5",
        "2026-11-20T11:00+08:00": "3",
    }
    make_order(site, site.driver, segments=segments)
    make_order(
        site, site.driver, order_no="second", transaction_ref="x", state="charging", settled_at=None,
        segments={"2026-11-20T10:30+08:00": "0.5", "2026-11-18T10:30+08:00": "9"},
    )  # fmt: skip
    curve = selectors.energy_by_hour(actor=ALL)
    assert len(curve["labels"]) == 24
    by_hour = dict(zip(curve["labels"], curve["energy"], strict=True))
    assert (by_hour["10:00"], by_hour["11:00"], sum(curve["energy"])) == (4.5, 3.0, 7.5)
    assert curve["power"][curve["labels"].index("10:00")] == 6.0


def test_the_cached_curve_is_not_shared_between_scopes():
    mine, theirs = make_tenant(), make_tenant()
    order = mine.rows[type(make_order(f.make_site(), f.make_driver()))]
    type(order).objects.filter(pk=order.pk).update(segments={"2026-11-20T10:00+08:00": "5"})
    cache.clear()
    assert sum(selectors.energy_by_hour(actor=of_staff(mine.admin))["energy"]) == 5
    assert sum(selectors.energy_by_hour(actor=of_staff(theirs.admin))["energy"]) == 0


@pytest.mark.feature("RPT-11")
def test_states_and_stations_are_counted_inside_the_scope():
    mine, theirs = make_tenant(), make_tenant()
    actor = of_staff(mine.admin)
    assert selectors.connector_states(actor=actor) == {"occupied": 2}
    assert selectors.pile_counts(actor=actor) == {"total": 1, "online": 1, "out_of_service": 0}
    assert [station.operator_id for station, _states in selectors.station_bars(actor=actor)] == [
        mine.operator.pk
    ]
    assert selectors.connector_states(actor=ALL) == {"occupied": 4}
    assert theirs.operator.pk != mine.operator.pk


def test_reviews_and_alerts_count_only_open_ones():
    tenant = make_tenant()
    actor = of_staff(tenant.admin)
    items, count = selectors.open_reviews(actor=actor)
    assert (len(items), count, selectors.open_review_badge(actor=actor)) == (1, 1, 1)
    ReviewItem.objects.update(state="resolved")
    assert selectors.open_reviews(actor=actor) == ([], 0)
    alerts, count = selectors.open_alerts(actor=actor)
    assert (len(alerts), count) == (1, 1)


def test_running_orders_with_their_power():
    site = f.make_site()
    make_order(site, site.driver, state="charging", settled_at=None, power_kw=Decimal("57.5"), soc_pct=40)
    orders, count = selectors.charging_now(actor=ALL)
    assert (len(orders), count) == (1, 1)
    assert selectors.power_now_kw(actor=ALL) == Decimal("57.5")


@pytest.mark.parametrize(
    ("now", "then", "short"), [(110, 100, "+10 %"), (50, 100, "-50 %"), (0, 0, None), (5, 0, None)]
)
def test_change_against_yesterday(now, then, short):
    change = board.change(now, then)
    assert (change["short"] if change else None) == short


def test_the_json_carries_the_page_of_the_reader(client):
    mine, theirs = make_tenant(), make_tenant()
    make_order(
        f.make_site(operator=mine.operator), mine.rows[type(f.make_driver())], order_no="run", transaction_ref="r",
        state="charging", settled_at=None, power_kw=Decimal("57.5"), soc_pct=40,
    )  # fmt: skip
    client.force_login(mine.admin)
    answer = client.get(reverse("admin:board"))
    assert "no-store" in answer.headers["Cache-Control"]
    data = answer.json()
    assert set(data["parts"]) == set(board.PARTS)
    assert data["as_of"] == "12:00:00"
    assert "57.5 kW" in data["parts"]["charging"]
    assert "40%" in data["parts"]["charging"]
    client.force_login(theirs.admin)
    assert "57.5" not in client.get(reverse("admin:board")).content.decode()


def test_the_overview_takes_a_bounded_number_of_queries(client, django_assert_max_num_queries):
    tenant = make_tenant()
    for number in range(5):
        site = f.make_site(operator=tenant.operator)
        make_order(site, site.driver, order_no=f"q{number}", state="charging", settled_at=None)
    client.force_login(tenant.admin)
    with django_assert_max_num_queries(34):
        client.get(reverse("admin:board"))
