"""The MQTT door from outside: a broker on a real socket, devices that publish, a gateway that reads."""

import json
import shutil
import socket
import subprocess
from datetime import timedelta
from decimal import Decimal

import pytest

from devices import events
from devices.models import (
    CashCounter,
    FrameLog,
    MeterSample,
    PileMeterDay,
    PileSession,
    SensorReading,
    TransactionRecord,
    UnknownPile,
)
from devices.services import commands
from kernel import clock
from kernel.actor import system
from stations.models import Connector, Pile
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.mqtt.client import PASSWORD, MqttDevice
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)
RECORD = {
    "port": 3,
    "transaction": "OWN-1",
    "started_at": "2026-11-20T10:00:00+08:00",
    "ended_at": "2026-11-20T11:00:00+08:00",
    "energy_kwh": 0.2,
    "stop_reason": "full",
}


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def finding(pile: Pile, name: str) -> int:
    return Pile.objects.get(pk=pile.pk).findings.get(name, 0)


@pytest.mark.promise(8)
@pytest.mark.message("mqtt", "birth", "welcome", "refused", "will", "heartbeat", "rebirth")
def test_a_device_is_let_in_by_its_birth_and_goes_with_its_will(broker, device, pile):
    one = device()
    one.birth(firmware="1.2", iccid="8986")
    first = one.session
    one.birth()
    assert one.session == first
    assert PileSession.objects.filter(pile=pile).count() == 1, "a redelivered birth is no new session"
    pile.refresh_from_db()
    assert (pile.online, pile.firmware, pile.vendor) == (True, "1.2", "Test")
    assert one.tell("heartbeat")["ok"]

    one.say("heartbeat", session="another")
    assert one.expect("rebirth", reason="no_session")
    one.publish_raw("will", json.dumps({"connection": "an older one"}).encode())
    assert one.tell("heartbeat")["ok"], "the will of an older connection is no news"

    broker.kill(f"device-{pile.code}")
    until(lambda: not Pile.objects.get(pk=pile.pk).online)

    for code, changes, reason in (
        (pile.code, {"password": "guess"}, "bad_password"),
        ("nobody", {}, "unknown"),
    ):
        stranger = device(code)
        body = {"password": PASSWORD, "connection": "x"} | changes
        stranger.publish_raw("birth", json.dumps(body).encode())
        assert stranger.expect("refused") == {"reason": reason}
    assert set(UnknownPile.objects.values_list("code", "reason")) == {
        (pile.code, "bad_password"),
        ("nobody", "unknown"),
    }
    assert not FrameLog.objects.filter(raw__contains=PASSWORD).exists()


@pytest.mark.promise(8)
def test_whatever_a_device_publishes_the_door_stays_open(broker, device, mqtt_gateway, pile):
    one = device()
    one.birth()
    for payload in (b"", b"{", b"[1]", b"\xff\xfe", b'{"a": NaN}', b"[" * 40_000, b'"x"', b"{}" * 40_000):
        one.publish_raw("telemetry", payload)
    one.publish_raw("no/such/level", b"{}")
    one.publish_raw("nonsense", json.dumps({"session": one.session, "id": "n"}).encode())
    assert one.expect("ack", id="n") == {
        "id": "n",
        "of": "nonsense",
        "ok": False,
        "reason": "unknown_message",
    }
    refused = one.tell("telemetry", port=0.5)
    assert (refused["ok"], refused["reason"], refused["where"]) == (False, "not_as_agreed", "/port")
    one.publish_raw("heartbeat", json.dumps({"session": one.session, "id": "r"}).encode(), retain=True)
    assert one.tell("telemetry", port=1, energy_kwh=0.5, power_kw=0.2, colour="red", at="yesterday evening")[
        "ok"
    ]
    assert one.tell("status", ports=[{"port": 77, "state": "idle"}])["ok"], (
        "a port it does not have is counted"
    )
    until(lambda: finding(pile, "not_json"))
    sample = MeterSample.objects.get(pile_id=pile.pk)
    assert sample.energy_kwh == Decimal("0.5")
    log = until(lambda: FrameLog.objects.filter(pile_id=pile.pk, name="telemetry", error="").first())
    assert log.decoded["colour"] == "red", "what the contract does not name is kept"
    assert finding(pile, "unknown_port") == 1


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.promise(3)
@pytest.mark.message("mqtt", "record", "ack")
def test_a_record_is_stored_once_and_acknowledged_each_time(broker, device, mqtt_gateway, pile):
    one = device()
    one.birth()
    for _ in range(3):
        assert one.tell("record", **RECORD)["ok"]
    record = TransactionRecord.objects.get(transaction_ref="OWN-1")
    assert (record.times_received, record.energy_kwh, record.stop_reason) == (3, Decimal("0.2"), "full")

    # The broker says nothing to the publisher and cuts the link: the same message comes twice.
    body = {"session": one.session, "id": "same", **RECORD}
    for _ in range(2):
        one.publish_raw("record", json.dumps(body).encode())
        one.expect("ack", id="same")
    assert TransactionRecord.objects.get().times_received == 4, "a redelivered id is answered from memory"

    odd = one.tell("record", transaction="ODD", energy_kwh=-5, ended_at=[], note="kept")
    assert odd["ok"], "nothing that is a record is refused"
    record = TransactionRecord.objects.get(transaction_ref="ODD")
    assert (
        record.energy_kwh is None and record.payload["energy_kwh"] == -5 and record.payload["note"] == "kept"
    )


@pytest.mark.promise(2)
def test_what_was_published_while_the_gateway_was_away_is_taken_when_it_is_back(
    broker, device, mqtt_gateway, pile
):
    one = device()
    one.birth()
    broker.kill("ev-platform")
    until(lambda: not broker.connected("ev-platform"))
    one.say("record", id="late", **RECORD)
    assert one.expect("ack", timeout=10, id="late")["ok"]
    one.expect("rebirth")


def test_a_flood_of_one_device_is_its_own_trouble(broker, device, mqtt_gateway, pile, monkeypatch):
    from devices.protocols.mqtt import consumer
    from tests.factories import add_pile

    monkeypatch.setattr(consumer, "REPLAY_BURST", 5)
    other = add_pile(pile.station, protocol="mqtt", connectors=1)
    Pile.objects.filter(pk=other.pk).update(password=Pile.objects.get(pk=pile.pk).password)
    loud, quiet = device(), device(other.code)
    loud.birth()
    quiet.birth(ports=1)
    for number in range(600):
        loud.say("telemetry", port=1, energy_kwh=number)
    assert quiet.tell("heartbeat")["ok"]
    door = mqtt_gateway.listeners.door
    until(lambda: door.devices[pile.code].lost > 0)
    assert len(door.devices[pile.code].inbox) <= 256


@pytest.mark.message("mqtt", "status", "answer", "start", "stop", "extend", "report", "reboot", "unlock", "availability", "clock", "read_config", "config")  # fmt: skip
def test_every_command_reaches_the_device_and_its_answer_the_command(device, mqtt_gateway, pile):
    one = device()
    one.birth()
    one.tell("status", ports=[{"port": number, "state": "plugged"} for number in range(1, 11)])
    assert set(Connector.objects.filter(pile=pile).values_list("state", flat=True)) == {"occupied"}
    names = {
        "start": "start",
        "stop": "stop",
        "extend": "extend",
        "read_status": "report",
        "reboot": "reboot",
        "unlock": "unlock",
        "set_availability": "availability",
        "sync_time": "clock",
        "get_configuration": "read_config",
        "change_configuration": "config",
    }
    params = {
        "start": {"order_no": "123", "duration_s": 3600, "id_tag": "123", "energy_kwh": "0.5"},
        "stop": {"transaction_ref": "123"},
        "extend": {"transaction_ref": "123", "duration_s": 7200},
        "set_availability": {"available": False},
        "change_configuration": {"volume": 3},
    }
    from devices.protocols.mqtt.contract import DOWN, check

    for kind, name in names.items():
        command = commands.send_command(
            actor=system("test"), pile=pile, kind=kind, connector_no=2, params=params.get(kind, {})
        )
        heard = one.expect(name)
        assert check(DOWN[name], heard)[0] == heard, "the platform keeps its own contract"
        assert (heard["command"], heard["port"]) == (command.pk, 2)
        ok = kind != "reboot"
        one.answer(heard, ok=ok, reason="" if ok else "busy", result={"kept": 1})
        command = until(lambda pk=command.pk: commands.DeviceCommand.objects.filter(pk=pk, state__in=("accepted", "rejected")).first())  # fmt: skip
        assert (command.state, command.result) == ("accepted" if ok else "rejected", {"kept": 1})
        if kind == "start":
            assert (heard["duration_s"], heard["transaction"], heard["energy_kwh"]) == (3600, "123", 0.5)
        if kind == "config":
            assert heard["settings"] == {"volume": 3}
    one.say("answer", command=10**9, ok=True)
    until(lambda: finding(pile, "unmatched_answer"))


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed")
def test_a_broker_of_the_world_serves_as_well(settings, request, tmp_path, site):
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), 5)
        settings.EV_MQTT_URL = f"mqtt://127.0.0.1:{port}"
        gateway = request.getfixturevalue("live_gateway")
        one = MqttDevice(port, site.pile.code)
        try:
            until(lambda: gateway.listeners.door.connected.is_set(), 5)
            one.birth()
            assert one.tell("record", **RECORD)["ok"]
        finally:
            one.close()
    finally:
        process.terminate()
        process.wait(5)


@pytest.mark.message("mqtt", "telemetry", "charge", "income", "alarm", "sensor", "request", "decision", "ack")
def test_what_a_box_reports_is_known_once(device, mqtt_gateway, pile, settings):
    """Meters, cash, alarms, sensors and somebody at the keys: each repeated, each kept once."""
    from alerts.models import Alert

    one = device()
    one.birth()
    for register, ago in ((100.5, 3), (101.75, 1), (101.5, 2)):
        moment = (clock.now() - timedelta(seconds=ago)).isoformat()
        one.tell("telemetry", port=0, register_kwh=register, at=moment)
    day = PileMeterDay.objects.filter(pile=pile).latest("day")
    assert day.last_kwh == Decimal("101.75"), "a reading that came late turns nothing back"
    later = clock.now()
    for total in (5_000, 5_000, 5_300):
        later += timedelta(seconds=1)
        one.tell(
            "income", coins_fen_total=total, cards_fen_total=0, coins_total=total // 100, at=later.isoformat()
        )
    counter = CashCounter.objects.get(pile=pile)
    assert (counter.coins_fen_total, counter.resets) == (5_300, 0)
    one.tell("income", coins_fen_total=100, at=(later - timedelta(hours=1)).isoformat())
    one.tell("income", coins_fen_total=200, at=(later + timedelta(seconds=1)).isoformat())
    counter.refresh_from_db()
    assert (counter.coins_fen_total, counter.resets) == (200, 1), (
        "an older report is dropped, a fallen one is a base"
    )

    at = clock.now().isoformat()
    for _ in range(2):
        one.tell("sensor", sensor="s1", kind="smoke", alarm=True, at=at)
        one.tell("sensor", sensor="t1", kind="temperature", value=settings.TEMPERATURE_LIMIT_C + 1, at=at)
        one.tell("alarm", code="door_open", raised=True)
    opened = Alert.objects.filter(pile=pile, closed_at__isnull=True)
    assert set(opened.values_list("code", flat=True)) == {"smoke:s1", "temperature:t1", "door_open"}
    assert SensorReading.objects.count() == 2
    one.tell("sensor", sensor="s1", kind="smoke", alarm=False)
    one.tell("alarm", code="door_open", raised=False)
    assert [alert.code for alert in opened.all()] == ["temperature:t1"]

    one.say("request", id="r1", port=2, method="card", credential="00AB")
    assert one.expect("decision", id="r1") == {"id": "r1", "ok": False, "port": 2, "reason": "no_account"}
    seen = []
    for kind in (events.ChargePaused, events.ChargeResumed):
        events.subscribe(kind, seen.append)
    try:
        for event in ("started", "paused", "resumed", "ended"):
            one.tell("charge", event=event, port=2, transaction="T-9", reason="overload")
    finally:
        for kind in (events.ChargePaused, events.ChargeResumed):
            events._HANDLERS[kind].remove(seen.append)
    assert [type(event).__name__ for event in seen] == ["ChargePaused", "ChargeResumed"]
    assert Connector.objects.get(pile=pile, number=2).state == "occupied"
