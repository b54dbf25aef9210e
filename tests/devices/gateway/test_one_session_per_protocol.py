"""The same charge over every protocol: the same device events, the same order, the same money.

Each pile speaks its own wire over a real socket; what differs above the device floor is only ids, times of arrival
and what the pile's own words were.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.hashers import make_password

from billing.models import Account, ChargingOrder, Entry
from billing.services import orders
from billing.services.evidence import recompute
from devices import events
from devices.models import MeterSample
from kernel import clock
from stations.models import Connector, Pile
from tests.clocks import HeldClock
from tests.devices.dny.client import DnySocket
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.mqtt.client import PASSWORD as MQTT_PASSWORD
from tests.devices.mqtt.client import MqttDevice
from tests.devices.mqtt.conftest import broker, mqtt_gateway  # noqa: F401
from tests.devices.ocpp16.station import PASSWORD, Station, register
from tests.devices.ocpp201.station import Station201, sampled
from tests.devices.ykc.client import YkcSocket, record_fields
from tests.factories import Site, make_site

PRICES = [("peak", "1.05215", "0.40000"), ("flat", "0.64385", "0.40000")]
FLAT_THEN_PEAK = ["flat"] * 21 + ["peak"] * 27  # flat until 10:30
METER_START = Decimal("100")
# When which energy has flowed; the tariff changes at 10:30.
COURSE = [("10:10:00", "0"), ("10:20:00", "5"), ("10:30:00", "10"), ("10:40:00", "15.5")]
FLAT, PEAK, TOTAL = Decimal("10"), Decimal("5.5"), Decimal("15.5")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def now() -> str:
    return clock.now().isoformat()


class Ykc:
    """A pile of YKC V1.6 over TCP, which prices the charge itself and knows the platform's number for it."""

    protocol = Pile.Protocol.YKC

    def __init__(self, gateway, site: Site):
        self.sock = YkcSocket(gateway.ykc_port, site.pile.code)

    def power_on(self) -> None:
        self.sock.login()
        self.sock.send(0x09)
        model = self.sock.expect(0x0A)
        self.sock.send(0x05, model_no=model.fields["model_no"])
        self.sock.expect(0x06)
        self.sock.live("02", status=2, plugged=0)
        self.sock.live("01", status=2, plugged=0)

    def plug(self) -> None:
        self.sock.live("01", status=2, plugged=1)

    def accept_start(self) -> None:
        self.ref = self.sock.expect(0x34).fields["trade_no"]
        self.began = clock.now()
        self.sock.send(0x33, trade_no=self.ref, gun_no="01", ok=1, fail="00")
        self.tell(Decimal(0))

    def tell(self, energy: Decimal) -> None:
        self.sock.live("01", trade_no=self.ref, status=3, energy=energy, loss_energy=energy)

    def accept_stop(self) -> None:
        self.sock.expect(0x36)
        self.sock.send(0x35, gun_no="01", ok=1, fail="00")

    def report(self) -> None:
        tiers = {}
        for tier, energy, price in (("flat", FLAT, "1.04385"), ("peak", PEAK, "1.45215")):
            tiers |= {
                f"{tier}_price": Decimal(price),
                f"{tier}_energy": energy,
                f"{tier}_loss_energy": energy,
                f"{tier}_amount": (energy * Decimal(price)).quantize(Decimal("0.0001")),
            }
        self.tell(TOTAL)
        record = record_fields(
            self.ref,
            start_time=self.began,
            end_time=clock.now(),
            trade_time=clock.now(),
            meter_start=METER_START,
            meter_end=METER_START + TOTAL,
            total_energy=TOTAL,
            total_loss_energy=TOTAL,
            total_amount=tiers["flat_amount"] + tiers["peak_amount"],
            **tiers,
        )
        for _ in range(2):
            self.sock.send(0x3B, **record)
            self.sock.expect(0x40)
        self.plug()

    def unplug(self) -> None:
        self.sock.live("01", status=2, plugged=0)

    def close(self) -> None:
        self.sock.close()


class Ocpp16:
    """A charge point of OCPP 1.6: a register, and a number that the platform gave."""

    protocol = Pile.Protocol.OCPP16

    def __init__(self, gateway, site: Site):
        self.station = Station(gateway, site.pile.code)

    def power_on(self) -> None:
        self.station.boot()
        self.station.status("Available", connector=2)
        self.station.status("Available")

    def plug(self) -> None:
        self.station.status("Preparing")

    def accept_start(self) -> None:
        message_id, _action, payload = self.station.expect_call()
        self.station.answer(message_id, {"status": "Accepted"})
        start = {"connectorId": 1, "idTag": payload["idTag"], "meterStart": 100_000, "timestamp": now()}
        self.number = self.station.call("StartTransaction", start)["transactionId"]
        self.station.status("Charging")
        self.tell(Decimal(0))

    def _values(self, energy: Decimal) -> list[dict[str, str]]:
        return [
            register(str((METER_START + energy) * 1000)),
            {"value": "40", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "400", "measurand": "Voltage", "unit": "V"},
            {"value": "100", "measurand": "Current.Import", "unit": "A"},
            {"value": "40", "measurand": "SoC", "unit": "Percent"},
        ]

    def tell(self, energy: Decimal) -> None:
        self.station.meter(self.number, *self._values(energy), when=now())

    def accept_stop(self) -> None:
        message_id, _action, _payload = self.station.expect_call()
        self.station.answer(message_id, {"status": "Accepted"})

    def report(self) -> None:
        wh = int((METER_START + TOTAL) * 1000)
        stop = {
            "transactionId": self.number,
            "meterStop": wh,
            "timestamp": now(),
            "reason": "Remote",
            "transactionData": [{"timestamp": now(), "sampledValue": self._values(TOTAL)}],
        }
        for _ in range(2):
            self.station.call("StopTransaction", stop)
        self.station.status("Finishing")

    def unplug(self) -> None:
        self.station.status("Available")

    def close(self) -> None:
        self.station.close()


class Ocpp201:
    """A station of OCPP 2.0.1: a register, and a name of its own for the transaction."""

    protocol = Pile.Protocol.OCPP201

    def __init__(self, gateway, site: Site):
        self.station = Station201(gateway, site.pile.code)

    def power_on(self) -> None:
        self.station.boot()
        self.station.status("Available", evse=2)
        self.station.status("Available")

    def plug(self) -> None:
        self.station.status("Occupied")

    def accept_start(self) -> None:
        message_id, _action, payload = self.station.expect_call()
        self.station.answer(message_id, {"status": "Accepted"})
        self.station.transaction(
            "Started", "UUID-OF-THE-STATION", *self._values(Decimal(0)), when=now(), trigger="RemoteStart",
            tag=payload["idToken"]["idToken"], remote=payload["remoteStartId"], charging="Charging",
        )  # fmt: skip

    def _values(self, energy: Decimal) -> list[dict[str, Any]]:
        return [
            sampled(int((METER_START + energy) * 1000)),
            sampled(40, "Power.Active.Import", "W", multiplier=3),
            sampled(400, "Voltage", "V"),
            sampled(100, "Current.Import", "A"),
            sampled(40, "SoC", "Percent"),
        ]

    def tell(self, energy: Decimal) -> None:
        self.station.meter("UUID-OF-THE-STATION", *self._values(energy), when=now())

    def accept_stop(self) -> None:
        message_id, _action, _payload = self.station.expect_call()
        self.station.answer(message_id, {"status": "Accepted"})

    def report(self) -> None:
        register_value, *others = self._values(TOTAL)
        end = self.station.event(
            "Ended", "UUID-OF-THE-STATION", register_value | {"context": "Transaction.End"}, *others, when=now(),
            reason="Remote", trigger="RemoteStop",
        )  # fmt: skip
        for _ in range(2):
            self.station.call("TransactionEvent", end)

    def unplug(self) -> None:
        self.station.status("Available")

    def close(self) -> None:
        self.station.close()


class Mqtt:
    """A device of the MQTT contract, behind a broker; it knows the platform's number for the charge."""

    protocol = Pile.Protocol.MQTT

    def __init__(self, gateway, site: Site):
        self.device = MqttDevice(gateway.broker.port, site.pile.code)

    def power_on(self) -> None:
        self.device.birth(ports=2)
        self.device.tell("status", ports=[{"port": 2, "state": "idle"}, {"port": 1, "state": "idle"}])

    def plug(self) -> None:
        self.device.tell("status", ports=[{"port": 1, "state": "plugged"}])

    def accept_start(self) -> None:
        self.command = self.device.expect("start")
        self.device.answer(self.command)
        self.ref, self.began = self.command["transaction"], now()
        self.device.tell(
            "charge",
            event="started",
            port=1,
            transaction=self.ref,
            meter_start_kwh=float(METER_START),
            at=now(),
        )
        self.tell(Decimal(0))

    def tell(self, energy: Decimal) -> None:
        values = {"power_kw": 40, "voltage_v": 400, "current_a": 100, "soc_pct": 40}
        self.device.tell(
            "telemetry", port=1, transaction=self.ref, energy_kwh=float(energy), at=now(), **values
        )

    def accept_stop(self) -> None:
        self.device.answer(self.device.expect("stop", transaction=self.ref))

    def report(self) -> None:
        held = datetime.fromisoformat(now()).astimezone(ZoneInfo("Asia/Shanghai"))
        self.tell_last(held)
        record = {
            "port": 1,
            "transaction": self.ref,
            "started_at": self.began,
            "ended_at": now(),
            "energy_kwh": float(TOTAL),
            "meter_start_kwh": float(METER_START),
            "meter_end_kwh": float(METER_START + TOTAL),
            "stop_reason": "platform",
        }
        for _ in range(2):
            self.device.tell("record", **record)
        self.device.tell("status", ports=[{"port": 1, "state": "full"}])

    def tell_last(self, held: datetime) -> None:
        """The last sample is of another second than the one before: the same moment is the same sample."""
        later = (held + timedelta(seconds=1)).isoformat()
        values = {"power_kw": 40, "voltage_v": 400, "current_a": 100, "soc_pct": 40}
        self.device.tell(
            "telemetry", port=1, transaction=self.ref, energy_kwh=float(TOTAL), at=later, **values
        )

    def unplug(self) -> None:
        self.device.tell("status", ports=[{"port": 1, "state": "idle"}])

    def close(self) -> None:
        self.device.close()


class Dny:
    """A box of e-bike ports: no register, no state of charge, and no room for 40 kW and 100 A on its wire."""

    protocol = Pile.Protocol.DNY
    cannot_tell = {"live": (Decimal(4), Decimal(400), Decimal(10), None), "meters": (None, None)}

    def __init__(self, gateway, site: Site):
        self.sock = DnySocket(gateway.dny_port, site.pile.code, ports=2)

    def power_on(self) -> None:
        self.sock.register()
        self.sock.beat()

    def plug(self) -> None:
        self.sock.beat({0: 2})

    def accept_start(self) -> None:
        self.ref = self.sock.expect(0x82).fields["order"]
        self.began = clock.now()
        self.sock.answer()
        self.sock.beat({0: 1})
        self.tell(Decimal(0))

    def tell(self, energy: Decimal) -> None:
        self.sock.power(
            self.ref,
            energy=str(energy),
            power=Decimal(4000),
            voltage=Decimal(400),
            current=Decimal(10),
        )

    def accept_stop(self) -> None:
        self.sock.expect(0x82)
        self.sock.answer()

    def report(self) -> None:
        self.tell(TOTAL)
        seconds = int((clock.now() - self.began).total_seconds())
        for _ in range(2):
            self.sock.settle(self.ref, duration=seconds, energy=TOTAL, stop_reason=7, time=clock.now())
            self.sock.expect(0x03)
        self.sock.beat({0: 2})

    def unplug(self) -> None:
        self.sock.beat()

    def close(self) -> None:
        self.sock.close()


EVENTS = (
    events.PileOnline,
    events.ConnectorStatusChanged,
    events.CommandAnswered,
    events.ChargeStarted,
    events.MetersSampled,
    events.TransactionReported,
    events.FaultRaised,
    events.FaultCleared,
)


class Recorder:
    """Device events as they are published, by the step of the charge that brought them."""

    def __init__(self) -> None:
        self.steps: dict[str, list[Any]] = {}

    def step(self, name: str) -> None:
        self.steps[name] = []

    def __call__(self, event: Any) -> None:
        self.steps[next(reversed(self.steps))].append(event)


@contextmanager
def recorded() -> Iterator[Recorder]:
    """Every device event published meanwhile."""
    recorder = Recorder()
    for kind in EVENTS:
        events.subscribe(kind, recorder)
    try:
        yield recorder
    finally:
        for kind in EVENTS:
            events._HANDLERS[kind].remove(recorder)


def normalised(seen: list[Any]) -> set[tuple]:
    """What events say, without ids, times of arrival and repeats of what was said before.

    Inside one step a protocol may tell things in its own order: YKC tells the state in the message that proves
    charging, OCPP 1.6 in one of its own.
    """
    return {told for event in seen for told in _told(event)}


def _told(event: Any) -> Iterator[tuple]:
    match event:
        case events.PileOnline():
            yield "online", event.reconnected
        case events.ConnectorStatusChanged():
            if event.state != event.previous:
                yield "state", event.connector_no, event.state, event.plugged, event.fault_code
        case events.CommandAnswered():
            yield "answered", event.command.kind, event.command.connector_no, event.command.state
        case events.ChargeStarted():
            yield "charging", event.connector_no
        case events.MetersSampled():
            for one in event.samples:
                values = one.energy_kwh, one.power_kw, one.voltage_v, one.current_a, one.soc_pct, one.suspect
                yield "sample", one.connector_no, *values
        case events.TransactionReported():
            record = event.record
            meters = record.energy_kwh, record.meter_start_kwh, record.meter_end_kwh
            yield "reported", record.connector_no, *meters, event.repeated, event.conflicting
        case _:
            yield (type(event).__name__,)


LIVE = (Decimal(40), Decimal(400), Decimal(100), 40)  # kW, V, A, per cent


def sample(energy: str, live: tuple = LIVE) -> tuple:
    return "sample", 1, Decimal(energy), *live, ""


REPORTED = ("reported", 1, TOTAL, METER_START, METER_START + TOTAL)
EXPECTED_EVENTS = {
    "power on": {("online", False), ("state", 1, "idle", False, ""), ("state", 2, "idle", False, "")},
    "plug": {("state", 1, "occupied", True, "")},
    "start": {
        ("answered", "start", 1, "accepted"),
        ("charging", 1),
        ("state", 1, "charging", True, ""),
        sample("0"),
    },
    "5": {sample("5")},
    "10": {sample("10")},
    "15.5": {sample("15.5")},
    "stop": {("answered", "stop", 1, "accepted")},
    "report": {
        sample("15.5"),
        (*REPORTED, False, False),
        (*REPORTED, True, False),
        ("state", 1, "occupied", True, ""),
    },
    "unplug": {("state", 1, "idle", False, "")},
}
EXPECTED_ORDER = {
    "start_method": "code",
    "state": "settled",
    "energy_kwh": TOTAL,
    "device_energy_kwh": TOTAL,
    "power_kw": None,
    "soc_pct": 40,
    "electricity_fen": 1223,
    "service_fen": 620,
    "total_fen": 1843,
    "stop_at_fen": 10_000,
    "review_reasons": [],
}


def expected_of(protocol: type) -> tuple[dict[str, set], dict[str, Any]]:
    """The events and the order's figures, less what a wire has no words for (`cannot_tell`)."""
    lacks = getattr(protocol, "cannot_tell", None)
    if lacks is None:
        return EXPECTED_EVENTS, EXPECTED_ORDER

    def as_told(event: tuple) -> tuple:
        if event[0] == "sample":
            return sample(event[2], lacks["live"])
        if event[0] == "reported":
            return (*event[:3], *lacks["meters"], *event[5:])
        return event

    seen = {name: {as_told(event) for event in told} for name, told in EXPECTED_EVENTS.items()}
    return seen, EXPECTED_ORDER | {"soc_pct": lacks["live"][-1]}


EXPECTED_LINES = [("peak", "5.5000", 579, 220), ("flat", "10.0000", 644, 400)]
# What is no figure of the order: ids, the pile's own words and amounts, when a message came in, and the bill,
# which is compared line by line.
NOT_COMPARED = {
    "id", "order_no", "operator", "station", "pile", "connector", "driver", "tariff_version", "tariff_snapshot",
    "transaction_ref", "id_tag", "record", "evidence", "bill", "stop_reason", "device_amount", "created_at",
    "started_at", "ended_at", "settled_at", "last_sample_at", "due_at", "segments", "version",
}  # fmt: skip


def figures(order: ChargingOrder) -> dict[str, Any]:
    """The expected figures, and whatever else of the order is not what every new order has."""
    fields = [field for field in ChargingOrder._meta.concrete_fields if field.name not in NOT_COMPARED]
    values = {field.name: (getattr(order, field.name), field.get_default()) for field in fields}
    return {
        name: value for name, (value, usual) in values.items() if name in EXPECTED_ORDER or value != usual
    }


def charge(pile, site: Site, held: HeldClock, seen: Recorder) -> ChargingOrder:
    """One charge from the plug to the bill, told by the pile's wire."""

    def state(expected: str) -> None:
        until(lambda: Connector.objects.get(pk=site.connector.pk).state == expected)

    def samples(number: int) -> None:
        until(
            lambda: (
                MeterSample.objects.filter(pile_id=site.pile.pk).exclude(transaction_ref="").count() == number
            )
        )

    pile.power_on()
    until(lambda: not Connector.objects.filter(pile=site.pile).exclude(state="idle").exists())
    seen.step("plug")
    pile.plug()
    state("occupied")
    seen.step("start")
    order = orders.start_order(
        actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
    )
    pile.accept_start()
    until(lambda: ChargingOrder.objects.get(pk=order.pk).state == "charging")
    state("charging")
    samples(1)
    for number, (when, energy) in enumerate(COURSE[1:], start=2):
        held.set(moment(when))
        seen.step(energy)
        pile.tell(Decimal(energy))
        samples(number)
    seen.step("stop")
    orders.stop_order(actor=site.driver_actor, order_no=order.order_no)
    pile.accept_stop()
    until(lambda: order.events.filter(kind="stop_accepted").exists())
    seen.step("report")
    pile.report()
    state("occupied")
    samples(5)
    seen.step("unplug")
    pile.unplug()
    state("idle")
    return ChargingOrder.objects.get(pk=order.pk)


@pytest.mark.feature("PIL-30")
@pytest.mark.promise(5)
@pytest.mark.promise(6)
@pytest.mark.feature("PIL-29")
@pytest.mark.parametrize("protocol", [Ykc, Ocpp16, Ocpp201, Dny, Mqtt])
def test_one_charge_is_the_same_over_every_protocol(protocol, request, transactional_db, monkeypatch):
    live_gateway = request.getfixturevalue("mqtt_gateway" if protocol is Mqtt else "live_gateway")
    held = HeldClock(moment(COURSE[0][0]))
    monkeypatch.setattr(clock, "now", held.now)
    site = make_site(protocol=protocol.protocol, online=False, prices=PRICES, slots=FLAT_THEN_PEAK)
    if protocol not in (Ykc, Dny):
        password = MQTT_PASSWORD if protocol is Mqtt else PASSWORD
        Pile.objects.filter(pk=site.pile.pk).update(password=make_password(password))
    with recorded() as seen:
        seen.step("power on")
        pile = protocol(live_gateway, site)
        try:
            order = charge(pile, site, held, seen)
        finally:
            seen.step("gone")
            pile.close()
    told = {name: normalised(events) for name, events in seen.steps.items() if name != "gone"}
    told["report"] -= told["start"] & {
        ("charging", 1)
    }  # a box's live data prove it each time; said once is said
    expected_events, expected_order = expected_of(protocol)
    assert told == expected_events
    assert figures(order) == expected_order
    lines = [
        (line["tier"], line["energy_kwh"], line["electricity_fen"], line["service_fen"])
        for line in order.bill["lines"]
    ]
    if hasattr(protocol, "cannot_tell"):  # its readings come without a time: cut by when they arrived
        lines = [(tier, f"{Decimal(kwh):.2f}00", *fen) for tier, kwh, *fen in lines]
    assert lines == EXPECTED_LINES
    assert recompute(order).total_fen == order.total_fen
    wallet = Account.objects.get(driver=site.driver, kind="wallet")
    assert (wallet.balance_fen, wallet.held_fen) == (10_000 - 1843, 0)
    moved = sorted(
        (entry.account.kind, entry.amount_fen)
        for entry in Entry.objects.unscoped("test").filter(journal__in=order.journals.all())
    )
    assert moved == [("operator_electricity", 1223), ("operator_service", 620), ("wallet", -1843)]
