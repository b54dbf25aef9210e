"""Stations as the driver's app sees them."""

from decimal import Decimal

import pytest

from stations.models import Connector, Station
from stations.selectors import haversine_km
from tests.api_client import ApiClient, assert_problem
from tests.factories import (
    ConnectorFactory,
    OperatorFactory,
    PileFactory,
    PileModelFactory,
    StationFactory,
    make_driver,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def app():
    return ApiClient(make_driver(balance_fen=0))


def place(name, longitude, latitude, **fields) -> Station:
    return StationFactory(
        name=name, code=name, longitude=Decimal(longitude), latitude=Decimal(latitude), **fields
    )


def names(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["name"] for row in response.json()["results"]]


def test_distance_is_the_great_circle():
    assert haversine_km(0, 0, 1, 0) == pytest.approx(111.195, abs=0.001)  # a degree of the equator
    assert haversine_km(117, 30, 117, 31) == pytest.approx(111.195, abs=0.001)
    assert haversine_km(117, 60, 118, 60) == pytest.approx(55.597, abs=0.01)  # half as wide at 60°
    assert haversine_km(0, 0, 180, 0) == pytest.approx(20015.1, abs=0.1)


def test_the_nearest_comes_first_and_the_far_not_at_all(app):
    place("far", "117.40", "31.82")
    place("near", "117.23", "31.82")
    place("middle", "117.25", "31.82")
    response = app.get("stations", {"lng": "117.22", "lat": "31.82", "radius_km": "5"})
    assert names(response) == ["near", "middle"]
    assert response.json()["results"][0]["distance_m"] == pytest.approx(945, abs=2)
    assert response.json()["next"] is None


def test_the_corner_of_the_box_is_outside_the_circle(app):
    place("corner", "117.268", "31.858")
    assert names(app.get("stations", {"lng": "117.22", "lat": "31.82", "radius_km": "5"})) == []


def test_the_date_line_does_not_part_neighbours(app):
    place("west", "179.99", "0")
    assert names(app.get("stations", {"lng": "-179.99", "lat": "0", "radius_km": "10"})) == ["west"]


def test_pages_follow_the_cursor_without_gap_or_repeat(app):
    for number in range(7):
        place(f"s{number}", f"117.{220 + number // 2}", "31.82")
    query = {"lng": "117.22", "lat": "31.82", "limit": 3}
    seen, cursor = [], None
    for _page in range(3):
        response = app.get("stations", {**query, **({"cursor": cursor} if cursor else {})})
        seen += names(response)
        cursor = response.json()["next"]
    assert cursor is None
    assert seen == [f"s{number}" for number in range(7)]


def test_without_a_place_all_stations_are_paged(app):
    for number in range(3):
        place(f"s{number}", "1", "1")
    first = app.get("stations", {"limit": 2})
    assert names(first) == ["s0", "s1"]
    assert names(app.get("stations", {"limit": 2, "cursor": first.json()["next"]})) == ["s2"]
    assert first.json()["results"][0]["distance_m"] is None


@pytest.mark.feature("STN-09")
def test_free_and_name_filter(app):
    busy, free = place("Binhu", "117.22", "31.82"), place("Shushan", "117.22", "31.82")
    ConnectorFactory(pile=PileFactory(station=busy), state=Connector.State.CHARGING)
    ConnectorFactory(pile=PileFactory(station=free), state=Connector.State.IDLE)
    row = app.get("stations", {"free": "true"}).json()["results"]
    assert [(one["name"], one["connectors_idle"], one["connectors_total"]) for one in row] == [
        ("Shushan", 1, 1)
    ]
    assert names(app.get("stations", {"name": "binhu"})) == ["Binhu"]


@pytest.mark.feature("STN-05")
def test_closed_stations_are_not_shown(app):
    place("closed", "117.22", "31.82", is_open=False)
    place("disabled", "117.22", "31.82", operator=OperatorFactory(is_active=False))
    assert names(app.get("stations")) == []
    assert_problem(app.get("stations/closed"), 404, "station_unknown")


def test_a_station_shows_its_connectors(app):
    station = place("Binhu", "117.22", "31.82")
    pile = PileFactory(station=station, rated_power_kw=Decimal("120.0"))
    ConnectorFactory(pile=pile, number=1, state=Connector.State.IDLE)
    ConnectorFactory(pile=pile, number=2, state=Connector.State.FAULT)
    body = app.get("stations/Binhu").json()
    assert (body["connectors_total"], body["connectors_idle"]) == (2, 1)
    assert [(one["number"], one["state"], one["power_kw"]) for one in body["connectors"]] == [
        (1, "idle", "120.0"),
        (2, "fault", "120.0"),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"lng": "117"}, "lat"),
        ({"lng": "x", "lat": "1"}, "lng"),
        ({"lng": "1", "lat": "91"}, "lat"),
        ({"lng": "NaN", "lat": "1"}, "lng"),
        ({"radius_km": "0"}, "radius_km"),
        ({"radius_km": "201"}, "radius_km"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"free": "maybe"}, "free"),
        ({"cursor": "!!"}, "cursor"),
        ({"cursor": "WzFd"}, "cursor"),
        ({"cursor": "WyJhIiwiYiJd"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"name": "x" * 65}, "name"),
    ],
)
@pytest.mark.promise(11)
def test_a_wrong_query_is_named(app, query, field):
    body = assert_problem(app.get("stations", query), 400, "invalid_request")
    assert list(body["errors"]) == [field]


def test_the_list_costs_the_same_for_many_stations(app, django_assert_max_num_queries):
    for number in range(30):
        ConnectorFactory(pile=PileFactory(station=place(f"s{number}", "117.22", "31.82")))
    with django_assert_max_num_queries(3):
        app.get("stations", {"lng": "117.22", "lat": "31.82"})


def ready(name, longitude, *, idle=1, power="60.0", standard="gbt_dc", online=True, **fields):
    """A station whose first `idle` connectors can be driven to."""
    station = place(name, longitude, "31.82", **fields)
    model = PileModelFactory(connector_standard=standard)
    pile = PileFactory(station=station, model=model, rated_power_kw=Decimal(power), online=online)
    for number in range(1, idle + 1):
        ConnectorFactory(pile=pile, number=number, state=Connector.State.IDLE)
    ConnectorFactory(pile=pile, number=idle + 1, state=Connector.State.FAULT)
    return station


@pytest.mark.feature("STN-11")
@pytest.mark.feature("PIL-17")
def test_idle_connectors_nearby_are_recommended(app):
    ready("near", "117.220", idle=1)
    ready("roomy", "117.222", idle=4)  # 190 m further, three more are free
    ready("far", "117.280", idle=5)
    ready("offline", "117.219", online=False)
    ready("closed", "117.219", is_open=False)
    ready("socket", "117.221", standard="socket")
    place("full", "117.219", "31.82")
    query = {"lng": "117.219", "lat": "31.82", "radius_km": "20"}
    rows = app.get("stations/recommended", query).json()["results"]
    assert [row["station"]["name"] for row in rows] == ["roomy", "near", "socket", "far"]
    assert rows[0]["connector"]["state"] == "idle" and rows[0]["station"]["connectors_idle"] == 4
    rows = app.get("stations/recommended", {**query, "standard": "gbt_dc", "limit": 2}).json()["results"]
    assert [row["station"]["name"] for row in rows] == ["roomy", "near"]
    assert rows[0]["connector"]["standard_text"] == "GB/T 20234.3-2015 (DC)"
    assert names(app.get("stations", {**query, "standard": "socket"})) == ["socket"]
    assert_problem(app.get("stations/recommended", {"lng": "117"}), 400, "invalid_request")
    assert_problem(app.get("stations", {"standard": "type9"}), 400, "invalid_request")


@pytest.mark.feature("STN-10")
@pytest.mark.feature("STN-06")
def test_a_driver_keeps_stations(app):
    place("one", "117.22", "31.82", amenities=["toilet", "shop"], scene="mall", surroundings="Lake")
    place("two", "117.23", "31.82")
    for code in ("one", "two", "one"):
        assert app.call("PUT", f"favourites/{code}").status_code == 204
    assert names(app.get("favourites")) == ["two", "one"]
    kept = app.get("favourites").json()["results"][1]
    assert kept["amenities"] == [{"code": "toilet", "text": "Toilet"}, {"code": "shop", "text": "Shop"}]
    assert (kept["scene_text"], kept["surroundings"]) == ("Shopping centre", "Lake")
    assert names(ApiClient(make_driver()).get("favourites")) == []
    Station.objects.filter(code="two").update(is_open=False)
    assert names(app.get("favourites")) == ["one"]
    assert_problem(app.call("PUT", "favourites/nowhere"), 404, "station_unknown")
    assert app.call("DELETE", "favourites/one").status_code == 204
    assert names(app.get("favourites")) == []
