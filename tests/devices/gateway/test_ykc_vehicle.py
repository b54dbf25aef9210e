"""What a vehicle says on a DC pile, from the socket to the order page (YKC V1.6 §6.4; GB/T 27930)."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import translation

from devices import events
from devices.models import ReportedVehicle, VehicleReport
from devices.selectors import vehicle_reports
from devices.vehicle_words import flag_lines, vehicle_card, vehicle_sentence
from tests import factories
from tests.devices.gateway.test_ykc_listener import until
from tests.users.tenants import make_order

VIN = "LSVAA49J132047371"

pytestmark = pytest.mark.django_db(transaction=True)


def handshake(**changes) -> dict:
    return {
        "bms_version": "010100",
        "battery_type": 3,
        "capacity": Decimal("155.0"),
        "rated_voltage": Decimal("371.2"),
        "maker": "CATL",
        "battery_serial": "00000001",
        "year": 2023,
        "month": 5,
        "day": 17,
        "cycles": 412,
        "owner": 1,
        "vin": VIN,
        "bms_software": "01110517E7FFFFFF",
        **changes,
    }


PARAMETERS = {
    "cell_v_max": Decimal("3.65"),
    "i_max": Decimal("-250.0"),
    "energy": Decimal("57.5"),
    "v_max": Decimal("423.4"),
    "t_max": 55,
    "soc": Decimal("36.5"),
    "v_now": Decimal("368.9"),
    "pile_v_max": Decimal("750.0"),
    "pile_v_min": Decimal("200.0"),
    "pile_i_max": Decimal("250.0"),
    "pile_i_min": Decimal("0.0"),
}
DEMAND = {
    "v_demand": Decimal("410.0"),
    "i_demand": Decimal("-120.0"),
    "mode": 2,
    "v_meas": Decimal("395.2"),
    "i_meas": Decimal("-118.4"),
    "cell_group": 2 << 12 | 341,
    "soc": 41,
    "remaining": 55,
    "v_out": Decimal("395.9"),
    "i_out": Decimal("118.9"),
    "minutes": 3,
}
STATE = {"cell_no": 17, "t_max": 34, "t_max_point": 3, "t_min": 29, "t_min_point": 8, "flags2": "10"}
STATISTICS = {
    "soc": 80,
    "cell_v_min": Decimal("3.31"),
    "cell_v_max": Decimal("3.45"),
    "t_min": 28,
    "t_max": 36,
    "minutes": 24,
    "energy": Decimal("25.3"),
    "charger_no": 1,
}


@pytest.fixture
def heard(monkeypatch):
    heard: list[events.VehicleReported] = []
    monkeypatch.setitem(events._HANDLERS, events.VehicleReported, [heard.append])
    return heard


@pytest.fixture
def english():
    with translation.override("en"):
        yield


@pytest.mark.message("ykc", "15", "17", "19", "1B", "1D", "21", "23", "25")
def test_a_vehicle_is_known_by_its_charge(sock, site, pile, heard, client, english):
    order = make_order(site, site.driver)
    gun = {"trade_no": order.transaction_ref, "gun_no": "01"}
    sock.send(0x15, **gun, **handshake())
    sock.send(0x17, **gun, **PARAMETERS)
    sock.send(0x23, **gun, **DEMAND)
    sock.send(0x25, **gun, **STATE, flags1="00")
    sock.send(0x23, **gun, **{**DEMAND, "soc": 42})
    sock.send(0x25, **gun, **STATE, flags1="40")
    sock.send(0x1B, **gun, bits="0000000000040000")
    sock.send(0x1D, **gun, reason="01", fault="0001", error="01")
    sock.send(0x21, **gun, reason="40", fault="0000", error="00")
    sock.send(0x19, **gun, **STATISTICS)
    rows = until(
        lambda: len(rows := list(VehicleReport.objects.order_by("id"))) == 9 and rows,
    )
    K = VehicleReport.Kind
    assert [row.kind for row in rows] == [
        K.HANDSHAKE,
        K.PARAMETERS,
        K.RUNNING,
        K.RUNNING,
        K.RUNNING,
        K.ERRORS,
        K.STOPPED_BY_VEHICLE,
        K.STOPPED_BY_PILE,
        K.STATISTICS,
    ]
    assert {(row.vin, row.transaction_ref, row.pile_id) for row in rows} == {
        (VIN, order.transaction_ref, pile.pk)
    }
    demand, pair, warning = rows[2].data, rows[3].data, rows[4].data
    assert (demand["i_demand"], demand["cell_v"], demand["cell_group"]) == ("120.0", "3.41", 2)
    assert "t_max" not in demand
    assert (pair["soc"], pair["t_max"], pair["cell_no"]) == (42, 34, 17), (
        "demand and battery state are one row"
    )
    assert flag_lines(K.RUNNING, warning) == ["Temperature too high"]
    assert flag_lines(K.ERRORS, rows[5].data) == ["Readiness of the vehicle (time-out)"]
    assert flag_lines(K.STOPPED_BY_VEHICLE, rows[6].data) == [
        "Target state of charge reached",
        "Battery too hot",
        "Current too high",
    ]
    assert vehicle_sentence(K.STOPPED_BY_PILE, VIN, rows[7].data) == "The vehicle stopped"
    assert [event.kind for event in heard] == [row.kind for row in rows if row.kind != K.RUNNING]

    vehicle = ReportedVehicle.objects.get()
    assert (vehicle.vin, vehicle.operator_id, vehicle.pile_id) == (VIN, pile.operator_id, pile.pk)
    assert (vehicle.battery_type, vehicle.capacity_ah, vehicle.energy_kwh) == (
        3,
        Decimal("155"),
        Decimal("57.5"),
    )
    assert (vehicle.max_current_a, vehicle.produced_on, vehicle.charges) == (
        Decimal("250"),
        date(2023, 5, 17),
        1,
    )
    sock.send(0x15, **gun, **handshake(cycles=413, battery_type=0, maker=""))
    until(
        lambda: ReportedVehicle.objects.filter(charges=2, cycles=413, battery_type=3, maker="CATL").exists()
    )

    assert len(vehicle_reports(pile_id=pile.pk, transaction_ref=order.transaction_ref)) == 7
    card = vehicle_card(pile_id=pile.pk, transaction_ref=order.transaction_ref)
    assert card["vin"] == VIN
    assert ("Highest temperature", "36 °C") in card["lines"]
    client.force_login(factories.make_staff(superuser=True))
    with translation.override("zh-hans"):
        page = client.get(reverse("admin:billing_chargingorder_change", args=[order.pk])).content.decode()
    assert VIN in page
    assert "磷酸铁锂" in page
    assert 'data-kind="vehicle"' in page
