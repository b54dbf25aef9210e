"""Operator, station, pile: the same counters at each level, which add up; a station's tabs agree with the reports."""

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert
from analytics import monitor, reports
from analytics.models import HourFact
from kernel.actor import system
from tests import factories as f
from tests.users.tenants import make_order
from users.console.display import fen

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
ALL = system("tests")


def world():
    """A station with two piles that earned, faulted and are half online, beside a stranger's."""
    site = f.make_site()
    second = f.add_pile(site.station)
    now = timezone.now()
    for pile, energy, fee in ((site.pile, 10, 700), (second, 20, 1500)):
        place = {"operator": site.operator, "station": site.station, "pile": pile}
        HourFact.objects.create(
            hour=now.replace(minute=0, second=0, microsecond=0), orders=1, energy_kwh=energy, peak_kwh=energy,
            electricity_fen=fee, service_fen=400, discount_fen=50, duration_s=3600, **place,
        )  # fmt: skip
    Alert.objects.create(kind="fault", code="door_open", opened_at=now, connector_no=1, **place)
    return site, second


def look(client, **query):
    return client.get(reverse("admin:monitor"), query)


@pytest.mark.feature("PIL-39")
def test_the_levels_count_alike(client):
    site, second = world()
    stranger = f.make_site()
    for level, key in (("operator", site.operator.pk), ("station", site.station.pk)):
        one = monitor.counters(actor=ALL, level=level, money=True)[key]
        assert (one.piles, one.online, one.alerts, one.energy_kwh, one.income_fen) == (2, 1, 1, 30, 2900)
        assert one.states == {"occupied": 2, "offline": 2}
    piles = monitor.counters(actor=ALL, level="pile", money=True, station_id=site.station.pk)
    assert piles.keys() == {site.pile.pk, second.pk}
    assert [sum(one.income_fen for one in piles.values()), sum(one.piles for one in piles.values())] == [
        2900,
        2,
    ]

    client.force_login(f.make_staff(*(p for _words, p in monitor.TABS.values()), operator=site.operator))
    top = look(client).content.decode()
    assert stranger.operator.name not in top
    stations = look(client, operator=site.operator.pk).content.decode()
    assert f"?station={site.station.pk}" in stations
    for body in (stations, look(client, station=site.station.pk, tab="piles").content.decode()):
        assert "1 / 2" in body and fen(2900) in body
    for query in ({"station": stranger.station.pk}, {"operator": stranger.operator.pk}, {"station": "x"}):
        assert look(client, **query).status_code == 404
    assert look(client, station=site.station.pk, tab="nothing").status_code == 404
    # Whoever may not see money sees the counters without it.
    client.force_login(f.make_staff("stations.view_station", "stations.view_pile", operator=site.operator))
    body = look(client, station=site.station.pk).content.decode()
    assert "1 / 2" in body and "¥" not in body and "tab=income" not in body
    assert look(client, station=site.station.pk, tab="income").status_code == 403
    client.force_login(f.make_staff())
    assert look(client).status_code == 403


@pytest.mark.feature("STN-08")
def test_a_stations_tabs_agree_with_the_reports(client):
    site, _second = world()
    order = make_order(site, site.driver)
    client.force_login(f.make_staff(superuser=True))
    bodies = {tab: look(client, station=site.station.pk, tab=tab).content.decode() for tab in monitor.TABS}
    today = timezone.localdate().isoformat()
    query = reports.parse({"dimension": "station", "grain": "total", "first": today, "last": today})
    totals = reports.read(actor=ALL, query=query).totals
    assert (
        fen(totals["income_fen"]) in bodies["income"] and fen(totals["electricity_fen"]) in bodies["income"]
    )
    assert f"{totals['energy_kwh']:.2f}" in bodies["energy"]
    assert site.station.code in bodies["info"] and site.pile.code in bodies["piles"]
    assert order.order_no in bodies["orders"]
    assert "¥11.00" in bodies["orders"] and "门" in bodies["faults"]
