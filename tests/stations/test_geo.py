"""Coordinates between datums against published points, and how a station keeps what was measured."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stations import geo
from stations.selectors import haversine_km, station_list
from stations.services import stations
from tests import factories as f
from users.actors import of_driver

# The test points of the open eviltransform library: (WGS-84, GCJ-02), longitude first.
POINTS = (
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
)


@pytest.mark.parametrize(("wgs", "gcj"), POINTS)
def test_published_points(wgs, gcj):
    assert geo.wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-9)
    assert geo.gcj02_to_wgs84(*gcj) == pytest.approx(wgs, abs=1e-7)


def test_outside_china_nothing_is_bent():
    assert geo.wgs84_to_gcj02(2.3522, 48.8566) == (2.3522, 48.8566)


@settings(max_examples=60, deadline=None)
@given(st.floats(75, 134), st.floats(4, 53))
def test_there_and_back_is_within_a_tenth_of_a_metre(longitude, latitude):
    back = geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(longitude, latitude))
    assert haversine_km(longitude, latitude, *back) < 0.0001


@pytest.mark.django_db
@pytest.mark.feature("STN-07")
def test_a_station_measured_by_gps_is_found_where_maps_show_it():
    (east, north), (x, y) = POINTS[0]
    station = stations.create_station(
        actor=f.staff_actor("stations.add_station"),
        operator=f.OperatorFactory(),
        code="gps1",
        name="GPS",
        longitude=str(east),
        latitude=str(north),
        datum="wgs84",
    )
    assert (station.datum, station.measured_longitude) == ("wgs84", Decimal("121.527211"))
    assert (station.longitude, station.latitude) == (Decimal("121.531542"), Decimal("31.175304"))
    near = station_list(
        actor=of_driver(f.DriverFactory()),
        longitude=Decimal(str(round(x, 6))),
        latitude=Decimal(str(round(y, 6))),
        radius_km=Decimal("0.1"),
    )
    assert [row.station for row in near] == [station]
    assert near[0].distance_m == 0
    # A correction of the measured place moves both; another datum reads the same figures anew.
    boss = f.staff_actor("stations.change_station")
    moved = stations.update_station(actor=boss, station=station, changes={"latitude": "31.178428"})
    assert moved.latitude == Decimal("31.176305")
    plain = stations.update_station(actor=boss, station=station, changes={"datum": "gcj02"})
    assert (plain.latitude, plain.measured_latitude) == (Decimal("31.178428"), None)
