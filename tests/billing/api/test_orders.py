"""Charging through the driver API: find a connector, start, watch, stop, read the bill and the wallet."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from billing.models import ChargingOrder, Hold
from devices import events
from devices.models import DeviceCommand
from devices.services import commands, records, samples, status
from stations.models import Connector, Pile, Station
from tests.api_client import ApiClient, assert_problem
from tests.factories import make_driver, make_site
from users.models import Driver

pytestmark = pytest.mark.django_db
FLAT = (("flat", "0.80000", "0.40000"), ("valley", "0.80000", "0.40000"), ("peak", "0.80000", "0.40000"),
        ("sharp", "0.80000", "0.40000"))  # fmt: skip


@pytest.fixture
def site():
    return make_site(prices=FLAT)


@pytest.fixture
def app(site):
    return ApiClient(site.driver)


def start(app, site, **more):
    return app.post("orders", {"connector_code": site.connector.code, **more})


def accept(order_no, kind=DeviceCommand.Kind.START):
    command = DeviceCommand.objects.get(reference=order_no, kind=kind, state="queued")
    commands.complete_command(command_id=command.pk, state="accepted")


def charge(site, order_no, kwh="2.0000"):
    """The pile accepts, charges for ten minutes and measures."""
    accept(order_no)
    order = ChargingOrder.objects.get(order_no=order_no)
    begun = timezone.now() - timedelta(minutes=10)
    ChargingOrder.objects.filter(pk=order.pk).update(created_at=begun - timedelta(seconds=10))
    status.charge_started(
        events.ChargeStarted(pile=site.ref, connector_no=1, at=begun, transaction_ref=order.transaction_ref)
    )
    sample = events.MeterSampled(
        pile=site.ref,
        connector_no=1,
        at=begun + timedelta(minutes=9),
        transaction_ref=order.transaction_ref,
        energy_kwh=Decimal(kwh),
        power_kw=Decimal("12.000"),
        soc_pct=41,
    )
    samples.store_samples([samples.StoredReading(sample)])
    return order, begun


def report(site, order, begun, kwh="2.0000"):
    """The pile's record: everything in the flat position at 1.2 yuan."""
    empty = {"price": "1.20000", "energy_kwh": "0", "loss_energy_kwh": "0", "amount": "0"}
    amount = Decimal(kwh) * Decimal("1.2")
    tiers = {name: dict(empty) for name in ("sharp", "peak", "flat", "valley")}
    tiers["flat"] |= {"energy_kwh": kwh, "loss_energy_kwh": kwh, "amount": str(amount)}
    return records.store_record(
        pile=site.ref,
        reported=records.ReportedTransaction(
            connector_no=1,
            protocol="ykc",
            identity=f"ykc:{site.pile.code}:{order.transaction_ref}",
            transaction_ref=order.transaction_ref,
            started_at=begun,
            ended_at=begun + timedelta(minutes=10),
            energy_kwh=Decimal(kwh),
            meter_start_kwh=Decimal("100.0000"),
            meter_end_kwh=Decimal("100.0000") + Decimal(kwh),
            device_amount=amount,
            tiers=tiers,
            stop_reason="stopped_by_app",
        ),
    )


@pytest.mark.feature("PLT-18")
@pytest.mark.feature("STA-11")
def test_from_the_sticker_to_the_bill(site, app):
    connector = app.get(f"connectors/{site.connector.code}").json()
    assert connector["can_start"] is True
    assert connector["tariff"]["now"]["unit_price"] == "1.20000"
    assert connector["power_kw"] == "60.0"

    response = start(app, site)
    assert response.status_code == 201
    order_no = response.json()["order_no"]
    assert (response.json()["state"], response.json()["limit_fen"]) == ("starting", 10_000)
    assert app.get("wallet").json() == {
        "balance_fen": 10_000,
        "held_fen": 10_000,
        "available_fen": 0,
        "bonus_fen": 0,
        "arrears_fen": 0,
    }

    order, begun = charge(site, order_no)
    live = app.get(f"orders/{order_no}").json()
    assert (live["state"], live["energy_kwh"], live["power_kw"]) == ("charging", "2.0000", "12.000")
    assert (live["soc_pct"], live["total_fen"], live["minutes"], live["bill"]) == (41, 240, 10, None)

    stopped = app.post(f"orders/{order_no}/stop")
    assert stopped.status_code == 202
    assert stopped.json()["state"] == "stopping"
    accept(order_no, DeviceCommand.Kind.STOP)
    report(site, order, begun)

    settled = app.get(f"orders/{order_no}").json()
    assert (settled["state"], settled["total_fen"]) == ("settled", 240)
    assert (live["stop_reason_text"], settled["stop_reason"]) == ("", "stopped_by_app")
    in_chinese = app.get(f"orders/{order_no}", **{"Accept-Language": "zh-CN"}).json()
    assert in_chinese["stop_reason_text"] == "用户在 APP 停止"
    assert settled["electricity_fen"] + settled["service_fen"] == 240
    assert [(line["tier"], line["energy_kwh"], line["total_fen"]) for line in settled["bill"]] == [
        ("flat", "2.0000", 240)
    ]
    assert app.get("wallet").json()["available_fen"] == 10_000 - 240
    entries = app.get("wallet/entries").json()["results"]
    assert [(one["kind"], one["amount_fen"], one["order_no"]) for one in entries] == [
        ("settlement", -240, order_no),
        ("topup", 10_000, None),
    ]
    assert [one["order_no"] for one in app.get("orders").json()["results"]] == [order_no]


def test_the_same_key_starts_once(site, app):
    body = {"connector_code": site.connector.code}
    first = app.post("orders", body, **{"Idempotency-Key": "tap-1"})
    again = app.post("orders", body, **{"Idempotency-Key": "tap-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ChargingOrder.objects.count() == Hold.objects.count() == 1
    other = app.post("orders", {**body, "limit_fen": 700}, **{"Idempotency-Key": "tap-1"})
    assert_problem(other, 409, "idempotency_conflict")
    assert_problem(app.post("orders", body), 409, "driver_busy")


def test_a_refused_start_frees_its_key(site, app):
    headers = {"Idempotency-Key": "tap-2"}
    body = {"connector_code": site.connector.code}
    Pile.objects.filter(pk=site.pile.pk).update(in_service=False)
    assert_problem(app.post("orders", body, **headers), 409, "pile_out_of_service")
    Pile.objects.filter(pk=site.pile.pk).update(in_service=True)
    assert app.post("orders", body, **headers).status_code == 201


def test_keys_of_two_drivers_are_two_keys(site, app):
    other = ApiClient(make_driver())
    assert start(app, site).status_code == 201
    key = {"Idempotency-Key": "same"}
    second = {"connector_code": site.connectors[1].code}
    assert other.post("orders", second, **key).status_code == 201
    assert_problem(app.post("orders", second, **key), 409, "driver_busy")


def test_a_key_has_its_length(site, app):
    response = app.post("orders", {"connector_code": site.connector.code}, **{"Idempotency-Key": "x" * 65})
    assert "Idempotency-Key" in assert_problem(response, 400, "invalid")["errors"]


def _frozen(site):
    Driver.objects.filter(pk=site.driver.pk).update(is_frozen=True)


def _poor(site):
    site.driver = make_driver(balance_fen=100)


def _set(model, **fields):
    return lambda site: model.objects.filter(
        pk={Pile: site.pile, Station: site.station, Connector: site.connector}[model].pk
    ).update(**fields)


@pytest.mark.parametrize(
    ("spoil", "status_code", "code"),
    [
        (_frozen, 403, "driver_frozen"),
        (_poor, 402, "insufficient_balance"),
        (_set(Pile, online=False), 409, "pile_offline"),
        (_set(Pile, in_service=False), 409, "pile_out_of_service"),
        (_set(Station, is_open=False), 409, "station_closed"),
        (_set(Connector, state="fault"), 409, "connector_fault"),
        (_set(Connector, state="charging"), 409, "connector_busy"),
    ],
)
@pytest.mark.promise(11)
def test_a_start_that_cannot_be_says_why_and_changes_nothing(site, spoil, status_code, code):
    spoil(site)
    body = assert_problem(start(ApiClient(site.driver), site), status_code, code)
    assert "%(" not in body["detail"]
    assert not ChargingOrder.objects.exists()
    assert not Hold.objects.exists()
    assert not DeviceCommand.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "connector_code"),
        ({"connector_code": ""}, "connector_code"),
        ({"connector_code": "x" * 37}, "connector_code"),
        ({"connector_code": "x", "limit_fen": 0}, "limit_fen"),
        ({"connector_code": "x", "limit_fen": "much"}, "limit_fen"),
        ({"connector_code": "x", "limit_fen": 10_000_001}, "limit_fen"),
    ],
)
@pytest.mark.promise(11)
def test_a_wrong_start_names_the_field(app, body, field):
    assert field in assert_problem(app.post("orders", body), 400, "invalid_request")["errors"]


def test_an_unknown_connector(app):
    assert_problem(app.post("orders", {"connector_code": "nowhere"}), 404, "connector_unknown")
    assert_problem(app.get("connectors/nowhere"), 404, "connector_unknown")


@pytest.mark.promise(9)
def test_another_driver_sees_and_stops_nothing(site, app):
    order_no = start(app, site).json()["order_no"]
    stranger = ApiClient(make_driver())
    assert_problem(stranger.get(f"orders/{order_no}"), 404, "order_unknown")
    assert_problem(stranger.post(f"orders/{order_no}/stop"), 404, "order_unknown")
    assert stranger.get("orders").json()["results"] == []
    assert {one["order_no"] for one in stranger.get("wallet/entries").json()["results"]} == {None}
    assert ChargingOrder.objects.get().state == "starting"
    assert not DeviceCommand.objects.filter(kind="stop").exists()


@pytest.mark.feature("USR-07")
def test_a_frozen_driver_may_still_stop(site, app):
    order_no = start(app, site).json()["order_no"]
    _frozen(site)
    assert app.get(f"orders/{order_no}").status_code == 200
    assert app.post(f"orders/{order_no}/stop").status_code == 202


def test_an_ended_order_is_not_stopped(site, app):
    order_no = start(app, site).json()["order_no"]
    command = DeviceCommand.objects.get()
    commands.complete_command(command_id=command.pk, state="rejected", reason="busy")
    assert app.get(f"orders/{order_no}").json()["state"] == "closed"
    assert_problem(app.post(f"orders/{order_no}/stop"), 409, "order_not_running")
    assert app.get("wallet").json()["held_fen"] == 0


def test_a_connector_says_why_it_does_not_start(site, app):
    start(app, site)
    body = ApiClient(make_driver(), language="zh-CN").get(f"connectors/{site.connector.code}").json()
    assert (body["can_start"], body["why_not"]["code"]) == (False, "connector_busy")
    with translation.override("zh-hans"):
        assert body["state_text"] == str(Connector.State.OCCUPIED.label)
    assert {tier["name"] for tier in body["tariff"]["tiers"]} == {"尖", "峰", "平", "谷"}
    Station.objects.filter(pk=site.station.pk).update(is_open=False)
    assert app.get(f"connectors/{site.connector.code}").json()["why_not"]["code"] == "station_closed"


def test_a_day_is_told_in_periods(app):
    site = make_site()
    periods = app.get(f"connectors/{site.connector.code}").json()["tariff"]["periods"]
    assert [(one["start"], one["end"], one["tier"]) for one in periods] == [
        ("00:00", "08:00", "valley"),
        ("08:00", "10:00", "flat"),
        ("10:00", "12:00", "peak"),
        ("12:00", "18:00", "flat"),
        ("18:00", "20:00", "sharp"),
        ("20:00", "24:00", "flat"),
    ]


def test_the_limit_is_held(site, app):
    assert start(app, site, limit_fen=700).json()["limit_fen"] == 700
    assert app.get("wallet").json()["held_fen"] == 700


def test_an_estimate_is_the_bill_of_the_same_energy(site, app):
    query = {"connector_code": site.connector.code, "energy_kwh": "10.5", "power_kw": "30"}
    body = app.get("estimate", query).json()
    assert (body["energy_kwh"], body["total_fen"]) == ("10.5000", 1260)
    assert sum(line["total_fen"] for line in body["lines"]) == 1260


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"energy_kwh": "0"}, "energy_kwh"),
        ({"energy_kwh": "1.00001"}, "energy_kwh"),
        ({"energy_kwh": "Infinity"}, "energy_kwh"),
        ({"energy_kwh": "1", "power_kw": "0"}, "power_kw"),
        ({}, "energy_kwh"),
    ],
)
def test_a_wrong_estimate_names_the_field(site, app, query, field):
    response = app.get("estimate", {"connector_code": site.connector.code, **query})
    assert field in assert_problem(response, 400, "invalid_request")["errors"]


@pytest.mark.feature("ORD-09")
def test_lists_are_paged_by_cursor(site, app):
    numbers = []
    for _index in range(3):
        order_no = start(app, site).json()["order_no"]
        command = DeviceCommand.objects.get(reference=order_no)
        commands.complete_command(command_id=command.pk, state="rejected")
        numbers.insert(0, order_no)
    first = app.get("orders", {"limit": 2}).json()
    second = app.get("orders", {"limit": 2, "cursor": first["next"]}).json()
    assert [one["order_no"] for one in first["results"] + second["results"]] == numbers
    assert second["next"] is None
    assert app.get("orders", {"running": "true"}).json()["results"] == []
    assert len(app.get("orders", {"running": "false"}).json()["results"]) == 3


def test_lists_cost_the_same_for_many_rows(site, app, django_assert_max_num_queries):
    for _index in range(4):
        order_no = start(app, site).json()["order_no"]
        commands.complete_command(
            command_id=DeviceCommand.objects.get(reference=order_no).pk, state="rejected"
        )
    with django_assert_max_num_queries(3):
        assert len(app.get("orders").json()["results"]) == 4
    with django_assert_max_num_queries(2):
        app.get("wallet/entries")


@pytest.fixture
def composed():
    """A tariff with time fee, occupancy fee and a discount, and one that sells packages."""
    from billing.pricing.components import OccupancyFee, PackageFee, TimeFee
    from billing.services import discounts
    from kernel.actor import system
    from tests.billing import flow

    site, port = make_site(), make_site(protocol="ocpp16", rated_power_kw="3.0")
    flow.publish(site, components=[TimeFee(100, unit_s=1_800), OccupancyFee(300, cap_fen=3_000)])
    flow.publish(port, components=[PackageFee(((100, 7_200), (200, 18_000)))])
    discounts.save_discount(
        actor=system("tests"),
        operator=site.operator,
        name="Autumn",
        off_bp=5_000,
        fees=["service"],
        valid_from=timezone.now() - timedelta(hours=1),
    )
    return site, port


@pytest.mark.feature("EBK-27")
def test_every_fee_is_told_before_the_start_and_the_bill_says_why(composed):
    site, _port = composed
    app = ApiClient(site.driver)
    tariff = app.get(f"connectors/{site.connector.code}").json()["tariff"]
    assert [row["kind"] for row in tariff["further_fees"]] == ["time", "occupancy"]
    assert tariff["discounts"] == ["Autumn"] and tariff["packages"] == []
    with translation.override("en"):
        query = {"connector_code": site.connector.code, "minutes": 45, "power_kw": 20}
        body = app.get("estimate", query).json()
    assert (body["energy_kwh"], body["seconds"], body["fees_fen"]) == ("15.0000", 2_700, 100)
    assert [(row["kind"], row["fen"]) for row in body["fees"]] == [("time", 100)]
    assert body["discounts"][0]["fen"] == body["discount_fen"] == body["service_fen"] // 2
    assert body["total_fen"] == (sum(row["total_fen"] for row in body["lines"]) + 100 - body["discount_fen"])
    order_no = start(app, site).json()["order_no"]
    charge(site, order_no)
    from tests.billing import flow

    order = ChargingOrder.objects.get(order_no=order_no)
    sold = {flow.held_position(order): "2.0000"}
    flow.send_record(site, flow.reported(site, order, sold, started_at=order.started_at))
    bill = app.get(f"orders/{order_no}").json()
    assert bill["state"] == "settled" and bill["fees_fen"] == 50 and bill["discount_fen"] == 40
    assert [row["fen"] for row in bill["fees"]] == [50] and bill["fees"][0]["text"]
    assert bill["discounts"][0]["name"] == "Autumn"
    assert bill["electricity_fen"] + bill["service_fen"] == sum(row["total_fen"] for row in bill["bill"])
    assert [(row["kind"], row["state"], row["fen"]) for row in bill["later_fees"]] == [
        ("occupancy", "running", 0)
    ]


@pytest.mark.feature("STA-18")
def test_limits_and_packages_are_taken_at_the_start(composed):
    site, port = composed
    app = ApiClient(site.driver)
    body = start(app, site, energy_kwh="12.5", seconds=3_600, soc_pct=80, power_kw="30").json()
    assert body["targets"] == {"energy_kwh": "12.5000", "seconds": 3600, "soc_pct": 80, "power_kw": "30.0"}
    for more, code in (
        ({"soc_pct": 101}, "target_invalid"),
        ({"seconds": 0}, "target_invalid"),
        ({"energy_kwh": "0"}, "target_invalid"),
        ({"package_fen": 100}, "package_invalid"),
    ):
        response = start(ApiClient(make_driver()), site, **more)
        assert next(iter(more)) in assert_problem(response, 400, code)["errors"]
    other = ApiClient(port.driver)
    offered = other.get(f"connectors/{port.connector.code}").json()["tariff"]["packages"]
    assert offered == [{"fen": 100, "seconds": 7200}, {"fen": 200, "seconds": 18000}]
    estimate = other.get("estimate", {"connector_code": port.connector.code, "package_fen": 200}).json()
    assert (estimate["seconds"], estimate["service_fen"] >= 200) == (18_000, True)
    assert_problem(start(other, port), 400, "package_invalid")
    body = start(other, port, package_fen=200).json()
    assert (body["package_fen"], body["targets"]) == (200, {"seconds": 18_000})
    both = {"connector_code": port.connector.code, "minutes": 5, "energy_kwh": "1"}
    assert "energy_kwh" in assert_problem(other.get("estimate", both), 400, "invalid_request")["errors"]
