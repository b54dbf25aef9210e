"""Stations and piles through their services: identity, credentials, scope, audit."""

from decimal import Decimal

import pytest
from django.contrib.auth.hashers import check_password

from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from stations.models import Connector, Pile, PileModel, Station
from stations.services import piles, stations
from tests import factories as f
from tests.factories import (
    OperatorFactory,
    PileFactory,
    StationFactory,
    StationGroupFactory,
    make_driver,
    staff_actor,
)
from users.actors import of_driver

pytestmark = pytest.mark.django_db
SYSTEM = system("tests")


def refusal(call, **kwargs) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call(**kwargs)
    return caught.value


@pytest.mark.promise(10)
def test_a_station_is_created_and_audited():
    operator = OperatorFactory()
    station = stations.create_station(
        actor=SYSTEM, operator=operator, code="HF01", name="Binhu", longitude=117.3, latitude="31.7123456"
    )
    station.refresh_from_db()
    assert (station.longitude, station.latitude) == (Decimal("117.300000"), Decimal("31.712346"))
    assert AuditEvent.objects.get(action="stations.create_station").tenant_id == operator.pk


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "no blanks"}, "code"),
        ({"name": " "}, "name"),
        ({"longitude": 181, "latitude": 0}, "longitude"),
        ({"longitude": 0, "latitude": "north"}, "latitude"),
        ({"longitude": 0, "latitude": "NaN"}, "latitude"),
        ({"longitude": 117}, "latitude"),
        ({"region_code": "34"}, "region_code"),
        ({"time_zone": "Hefei"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
    ],
)
@pytest.mark.promise(11)
def test_a_wrong_station_is_refused_by_field(changes, field):
    operator = OperatorFactory()
    kwargs = {"code": "HF01", "name": "Binhu", **changes}
    error = refusal(stations.create_station, actor=SYSTEM, operator=operator, **kwargs)
    assert (error.code, error.field) == ("invalid", field)
    assert not Station.objects.exists()


def test_a_station_code_is_taken_once():
    station = StationFactory()
    error = refusal(
        stations.create_station, actor=SYSTEM, operator=station.operator, code=station.code, name="Again"
    )
    assert error.code == "station_code_taken"


def test_staff_open_stations_in_their_scope_only():
    own, other = OperatorFactory(), OperatorFactory()
    helper = staff_actor("stations.add_station", "stations.change_station", operator=own)
    assert (
        refusal(stations.create_station, actor=helper, operator=other, code="x", name="X").code == "not_found"
    )
    foreign = StationFactory(operator=other)
    assert (
        refusal(stations.set_open, actor=helper, station=foreign, is_open=False, reason="no").code
        == "not_found"
    )
    foreign.refresh_from_db()
    assert foreign.is_open
    station = stations.create_station(actor=helper, operator=own, code="x", name="X")
    assert stations.set_open(actor=helper, station=station, is_open=False, reason="works").is_open is False
    assert AuditEvent.objects.get(action="stations.close_station").reason == "works"


def test_a_driver_opens_nothing():
    operator = OperatorFactory()
    actor = of_driver(make_driver(balance_fen=0))
    error = refusal(stations.create_station, actor=actor, operator=operator, code="x", name="X")
    assert error.code == "permission_denied"


def test_a_foreign_group_is_refused():
    station, group = StationFactory(), StationGroupFactory()
    error = refusal(stations.update_station, actor=SYSTEM, station=station, changes={"group": group})
    assert (error.code, error.field) == ("invalid", "group")


@pytest.mark.promise(10)
def test_a_station_change_is_audited_with_before_and_after():
    station = StationFactory(name="Old", latitude=Decimal("31.000000"))
    stations.update_station(actor=SYSTEM, station=station, changes={"name": "New", "latitude": "31.5"})
    event = AuditEvent.objects.get(action="stations.update_station")
    assert event.before == {"name": "Old", "latitude": "31.000000"}
    assert event.after == {"name": "New", "latitude": "31.500000"}


def test_a_ykc_pile_gets_its_connectors():
    station = StationFactory()
    pile = piles.add_pile(actor=SYSTEM, station=station, code="34010400000001", protocol="ykc", connectors=2)
    rows = Connector.objects.filter(pile=pile).values_list("number", "code", "state", "operator_id")
    assert list(rows) == [
        (1, "3401040000000101", "offline", station.operator_id),
        (2, "3401040000000102", "offline", station.operator_id),
    ]
    assert AuditEvent.objects.get(action="stations.add_pile").after["connectors"] == 2


def test_an_ocpp_password_is_kept_as_a_hash():
    pile = piles.add_pile(
        actor=SYSTEM, station=StationFactory(), code="AC-1", protocol="ocpp16", password="p" * 16
    )
    pile.refresh_from_db()
    assert check_password("p" * 16, pile.password)
    assert "p" * 16 not in str(AuditEvent.objects.values_list("after", flat=True))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": "3401040000001"}, "pile_code_invalid", "code"),
        ({"code": "3401040000000a"}, "pile_code_invalid", "code"),
        ({"code": "３４０１０４００００００００"}, "pile_code_invalid", "code"),
        ({"password": "x" * 20}, "invalid", "password"),
        ({"protocol": "ocpp16", "code": "a/b", "password": "x" * 20}, "pile_code_invalid", "code"),
        ({"protocol": "ocpp16", "code": "a" * 33, "password": "x" * 20}, "pile_code_invalid", "code"),
        ({"protocol": "ocpp16", "code": "a"}, "pile_password_required", "password"),
        ({"protocol": "ocpp16", "code": "a", "password": "x" * 15}, "pile_password_required", "password"),
        ({"protocol": "ocpp16", "code": "a", "password": "x" * 65}, "pile_password_required", "password"),
        ({"protocol": "modbus"}, "invalid", "protocol"),
        ({"connectors": 0}, "connector_count_invalid", "connectors"),
        ({"connectors": 17}, "connector_count_invalid", "connectors"),
        ({"rated_power_kw": Decimal("0")}, "invalid", "rated_power_kw"),
        ({"rated_power_kw": Decimal("7.55")}, "invalid", "rated_power_kw"),
        ({"code": "34010400000009"}, "pile_code_taken", "code"),
    ],
)
@pytest.mark.promise(11)
def test_a_wrong_pile_is_refused_by_field(changes, code, field):
    station = StationFactory()
    PileFactory(station=station, code="34010400000009")
    kwargs = {"code": "34010400000001", "protocol": "ykc", **changes}
    error = refusal(piles.add_pile, actor=SYSTEM, station=station, **kwargs)
    assert (error.code, error.field) == (code, field)
    assert error.message
    assert Pile.objects.count() == 1
    assert not Connector.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_foreign_station_takes_no_pile():
    helper = staff_actor("stations.add_pile", operator=OperatorFactory())
    error = refusal(
        piles.add_pile, actor=helper, station=StationFactory(), code="34010400000001", protocol="ykc"
    )
    assert error.code == "not_found"
    assert not Pile.objects.exists()


def test_a_piles_code_and_protocol_are_for_ever():
    pile = PileFactory()
    for name in ("code", "protocol", "station", "password"):
        error = refusal(piles.update_pile, actor=SYSTEM, pile=pile, changes={name: "x"})
        assert (error.code, error.field) == ("invalid", name)
    assert piles.update_pile(actor=SYSTEM, pile=pile, changes={"name": "A1"}).name == "A1"


def test_a_new_password_needs_a_reason():
    pile = PileFactory(protocol="ocpp16", code="AC-9")
    assert (
        refusal(piles.set_password, actor=SYSTEM, pile=pile, password="q" * 16, reason="").code
        == "reason_required"
    )
    pile = piles.set_password(actor=SYSTEM, pile=pile, password="q" * 16, reason="leaked")
    assert check_password("q" * 16, pile.password)


@pytest.mark.feature("PIL-01")
@pytest.mark.feature("PIL-09")
def test_models_are_kept_and_piles_found_by_them(client):
    """A model with its powers and flags; piles of it by current, station, connection; the list as a file."""
    from django.urls import reverse

    from stations.services.models import USUAL, ensure_models

    client.force_login(f.make_staff(superuser=True))
    assert (ensure_models(actor=system("tests")), ensure_models(actor=system("tests"))) == (len(USUAL), 0)
    given = {
        "brand": "安科瑞", "name": "AEV-120", "current_type": "dc", "rated_power_kw": "120", "connectors": "2",
        "register_kind": "lifetime", "connector_standard": "gbt_dc", "protocol": "ykc", "vehicle_class": "car",
        "phases": "3", "voltage_v": "750", "current_a": "250", "capabilities": ["vin", "ordered"], "missed_heartbeats": "3",
    }  # fmt: skip
    page = client.post(reverse("admin:stations_pilemodel_add"), given)
    assert page.status_code == 302, page.context["errors"]
    wrong = client.post(
        reverse("admin:stations_pilemodel_add"), {**given, "name": "AEV-240", "connectors": "40"}
    )
    assert "1–16" in wrong.content.decode()
    model = PileModel.objects.get(name="AEV-120")
    assert (model.connectors, model.capabilities) == (2, ["vin", "ordered"])
    site, other = f.make_site(), f.make_site(online=False)
    Pile.objects.filter(pk=site.pile.pk).update(model=model)
    Pile.objects.filter(pk=other.pile.pk).update(model=PileModel.objects.get(name="AC 7 kW"))
    address = reverse("admin:stations_pile_changelist")
    for query in (
        {"model__current_type": "dc"},
        {"online": "1"},
        {"station__id__exact": site.station.pk},
        {"model__id__exact": model.pk},
        {"q": site.pile.code},
    ):
        rows = client.get(address, query).context["cl"].result_list
        assert [row.pk for row in rows] == [site.pile.pk], query
    assert client.get(reverse("admin:stations_pile_export")).status_code == 200
