"""The DNY listener from outside: a real socket against a running gateway and the test database."""

import random
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from devices import events
from devices.models import FrameLog, MeterSample, PileSession, TransactionRecord, UnknownPile
from devices.protocols.dny import codec, consumer
from devices.protocols.dny.references import message_id_of
from devices.services import acceptance, commands, presence
from kernel import clock
from kernel.actor import system
from stations.models import Connector, Pile
from tests import factories
from tests.devices.dny.client import ICCID, NO_ORDER, DnySocket, settlement
from tests.devices.gateway.test_ykc_listener import until

ORDER = "0000000000002611201200001234567890"[-32:]
OFFLINE_ORDER = "20190901180000130030380102030405"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(transactional_db):
    return factories.make_site(protocol="dny", connectors=10, online=False, rated_power_kw="6.0")


@pytest.fixture
def pile(site) -> Pile:
    return site.pile


@pytest.fixture
def dial(live_gateway, pile):
    opened = []

    def make(code: str | None = None, **kwargs) -> DnySocket:
        sock = DnySocket(live_gateway.dny_port, code or pile.code, **kwargs)
        opened.append(sock)
        return sock

    yield make
    for sock in opened:
        sock.close()


@pytest.fixture
def sock(dial):
    sock = dial()
    sock.register()
    return sock


@pytest.fixture
def heard(monkeypatch):
    """Every event of these types that the gateway publishes."""
    seen = []
    handlers = {kind: list(events._HANDLERS[kind]) for kind in (events.FaultRaised, events.ChargeStarted)}
    for kind in handlers:
        monkeypatch.setitem(events._HANDLERS, kind, [*handlers[kind], seen.append])
    return seen


def connector(pile, number: int = 1) -> Connector:
    return Connector.objects.get(pile=pile, number=number)


def send_start(pile, number: int = 1, **params):
    return commands.send_command(
        actor=system("test"),
        pile=Pile.objects.get(pk=pile.pk),
        kind="start",
        connector_no=number,
        params={"order_no": ORDER.lstrip("0"), "balance_fen": 500, **params},
        reference=ORDER.lstrip("0"),
        timeout_s=90,
    )


def state_of(command) -> str:
    return commands.DeviceCommand.objects.get(pk=command.pk).state


def test_a_box_comes_online_with_its_sim_and_says_what_it_is(dial, pile):
    sock = dial()
    sock.send_raw(ICCID.encode())
    sock.send_raw(b"link")
    assert sock.register().fields == {"result": 0}
    assert sock.last_frame.message_id == sock.sent_id
    pile.refresh_from_db()
    assert pile.online
    assert (pile.iccid, pile.firmware, pile.serial) == (ICCID, "V1.26", pile.printed_number)
    sock.close()
    until(lambda: not Pile.objects.get(pk=pile.pk).online)
    assert PileSession.objects.get(pile=pile).closed_at is not None


def test_a_modem_that_came_back_is_online_at_the_first_heartbeat_and_asked_what_it_is(dial, pile):
    sock = dial()
    assert sock.beat({2: 2}).fields == {"result": 0}
    assert Pile.objects.get(pk=pile.pk).online
    assert sock.expect(0x81).fields == {}
    until(lambda: connector(pile, 3).state == "occupied")


@pytest.mark.promise(8)
def test_an_unknown_box_is_refused_listed_and_taken_in_on_the_same_socket(dial, site, monkeypatch):
    monkeypatch.setattr(consumer, "LOOK_AGAIN_S", 0.0)
    sock = dial("04AB373B", ports=2)
    assert sock.register().fields == {"result": 1}
    assert sock.beat().fields == {"result": 1}
    sock.send(0x02, card="7A8D05DD", card_kind=0, port=1, purse_fen=0)
    assert sock.expect(0x02).fields["account"] == 0x0C
    sock.settle(ORDER)
    assert sock.quiet(0x03), "its settlement stays in its memory until somebody registers it"
    row = UnknownPile.objects.get()
    assert (row.code, row.protocol) == ("04AB373B", "dny")
    assert row.login["printed_number"] == 11220795
    acceptance.accept_unknown_pile(
        actor=system("test"), unknown=row, station=site.station, connectors=2, rated_power_kw=Decimal("1")
    )
    assert sock.beat().fields == {"result": 0}
    sock.settle(ORDER)
    assert sock.expect(0x03).fields == {"result": 0}


@pytest.mark.promise(8)
def test_strangers_cannot_fill_the_waiting_list_from_one_socket(dial):
    sock = dial("04000000", ports=2)
    for number in range(100):
        sock.send(0x20, code=f"04{number:06X}", firmware=100, ports=2, virtual_id=0)
    for _ in range(100):
        sock.expect(0x20)
    assert UnknownPile.objects.count() == consumer.MOST_STRANGERS


def test_a_host_carries_many_boxes_and_is_none_itself(dial, site, pile):
    other = factories.add_pile(site.station, protocol="dny", connectors=2)
    sock = dial()
    sock.register()
    sock.send(0x20, code=other.code, firmware=100, ports=2, virtual_id=7)
    assert sock.expect(0x20).fields == {"result": 0}
    sock.send(0x11, code="09D62684", firmware=101, rtc=1, time=None, rssi=31, modem_kind=6, iccid=ICCID)
    sock.send(0x12, code="09D62684")
    told = sock.expect(0x12).fields["time"]
    assert abs((told - datetime.now(UTC)).total_seconds()) < 5
    assert sock.last_frame.pile_code == "09D62684"
    assert set(Pile.objects.filter(online=True).values_list("iccid", flat=True)) == {ICCID}
    assert Pile.objects.filter(online=True).count() == 2
    assert not UnknownPile.objects.exists()
    sock.close()
    until(lambda: not Pile.objects.filter(online=True).exists())


def test_the_clock_is_told_to_whoever_asks(sock):
    sock.send(0x22)
    assert abs((sock.expect(0x22).fields["time"] - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.feature("PIL-44")
def test_port_states_become_connector_states_and_faults_have_words(sock, pile, heard):
    sock.beat({0: 1, 1: 2, 2: 3, 3: 5, 4: 0x0D, 9: 8})
    until(lambda: connector(pile, 10).state == "fault")
    states = list(Connector.objects.filter(pile=pile).order_by("number").values_list("state", flat=True))
    assert states == ["charging", "occupied", "occupied", "charging", "fault"] + ["idle"] * 4 + ["fault"]
    assert connector(pile, 5).fault_code == "short_circuit"
    assert connector(pile, 2).plugged is True and connector(pile, 6).plugged is False
    faults = [event for event in heard if isinstance(event, events.FaultRaised)]
    assert {(event.connector_no, event.code, event.words) for event in faults} == {
        (5, "short_circuit", "The load has a short circuit."),
        (10, "contact_or_fuse", "The socket has bad contact or its fuse has blown."),
    }
    changed = {number: connector(pile, number).state_changed_at for number in range(1, 11)}
    sock.beat({0: 1, 1: 2, 2: 3, 3: 5, 4: 0x0D, 9: 8})
    assert changed == {number: connector(pile, number).state_changed_at for number in range(1, 11)}
    sock.beat({0: 1})
    until(lambda: connector(pile, 5).state == "idle")


def test_the_old_heartbeat_is_read_too(dial, pile):
    sock = dial(ports=10)
    sock.send(
        0x01,
        firmware=301,
        voltage=Decimal("218.8"),
        ports=10,
        states=[0, 1] + [0] * 8,
        power=[Decimal(0), Decimal("22.8")] + [Decimal(0)] * 8,
        peak=[Decimal(0)] * 10,
        virtual_id=0,
        rssi=7,
        device_kind=4,
    )
    assert sock.expect(0x01).fields == {"result": 0}
    until(lambda: connector(pile, 2).state == "charging")
    assert Pile.objects.get(pk=pile.pk).firmware == "V3.01"


def test_a_box_with_other_ports_than_registered_is_counted(sock, pile):
    sock.register(ports=12)
    until(lambda: Pile.objects.get(pk=pile.pk).findings.get("port_count_differs"))


@pytest.mark.promise(8)
def test_split_merged_and_spoilt_frames_and_rubbish(sock, pile):
    frame = sock.wire(0x22)
    sock.send_raw(frame[:7])
    time.sleep(0.05)
    sock.send_raw(frame[7:] + sock.wire(0x22))
    sock.expect(0x22)
    sock.expect(0x22)
    sock.send_raw(b"\r\nAT+OK" + frame[:-2] + b"\x00\x00" + b"link" + sock.wire(0x22))
    sock.expect(0x22)
    until(lambda: FrameLog.objects.filter(error="bad_checksum", pile_id=pile.pk).exists())
    until(lambda: Pile.objects.get(pk=pile.pk).findings.get("garbage"))


@pytest.mark.promise(8)
def test_a_frame_that_never_ends_is_given_up_and_the_one_inside_heard(sock, monkeypatch):
    sock.send_raw(b"DNY\xff\x00" + sock.wire(0x22))
    sock.expect(0x22, 8)


@pytest.mark.promise(8)
def test_endless_rubbish_closes_that_socket_only(sock, live_gateway):
    noise = random.Random(1)
    with DnySocket(live_gateway.dny_port) as loud:
        try:
            for _ in range(200):
                loud.send_raw(noise.randbytes(1024))
        except OSError:
            pass  # closed while we were still sending
        assert loud.closed(10)
    sock.send(0x22)
    sock.expect(0x22)


@pytest.mark.promise(8)
def test_a_flood_slows_its_own_socket_only(sock, site, live_gateway):
    other = factories.add_pile(site.station, protocol="dny", connectors=2)
    with DnySocket(live_gateway.dny_port, other.code, ports=2) as calm:
        calm.register()
        question = sock.wire(0x22)
        sender = threading.Thread(target=lambda: _send_all(sock, question * 4000))
        sender.start()
        waits = []
        for _ in range(10):
            before = time.monotonic()
            calm.send(0x22)
            calm.expect(0x22)
            waits.append(time.monotonic() - before)
        assert sorted(waits)[5] < 1.0
        sock.close()
        sender.join()


def _send_all(sock, data):
    try:
        sock.send_raw(data)
    except OSError:
        pass  # the test closed it


@pytest.mark.promise(8)
def test_short_unknown_and_hostile_commands_are_logged_and_change_nothing(sock, pile):
    for body in (b"", b"\xff", bytes(247)):
        for command in range(256):
            sock.send_raw(codec.build_frame(pile.code, 9, command, body))
    sock.beat()
    until(lambda: FrameLog.objects.filter(pile_id=pile.pk, error__startswith="short_body").exists())
    assert Pile.objects.get(pk=pile.pk).online
    assert Connector.objects.filter(pile=pile).count() == 10


def test_the_newest_connection_wins(dial, pile):
    old = dial()
    old.register()
    new = dial()
    new.register()
    assert old.closed()
    new.beat()
    assert PileSession.objects.filter(pile=pile, closed_at__isnull=True).count() == 1
    assert Pile.objects.get(pk=pile.pk).online


def test_link_keeps_the_line_but_only_the_box_keeps_itself_online(sock, pile, monkeypatch):
    from datetime import timedelta

    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=400))
    sock.send_raw(b"link")
    assert presence.expire_silent() == 0, "two and a half heartbeats of three minutes are the patience"
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=500))
    sock.send_raw(b"link")
    assert presence.expire_silent() == 1
    assert not Pile.objects.get(pk=pile.pk).online
    sock.beat()
    assert Pile.objects.get(pk=pile.pk).online


# --- charging ----------------------------------------------------------------


def test_a_start_goes_out_with_the_order_and_its_answer_starts_the_charge(sock, pile, heard):
    command = send_start(pile, 3)
    fields = sock.expect(0x82).fields
    assert fields == {
        "rate_mode": 0,
        "balance": 500,
        "port": 2,
        "action": 1,
        "amount": 0,
        "order": ORDER,
        "max_time": 0,
        "overload": 0,
    }
    assert sock.last_frame.message_id == message_id_of(command.pk)
    sock.answer()
    until(lambda: state_of(command) == "accepted")
    until(lambda: connector(pile, 3).state == "charging")
    (started,) = until(lambda: heard)
    assert (started.connector_no, started.transaction_ref, started.id_tag) == (3, ORDER, ORDER.lstrip("0"))
    sock.power(ORDER, port=2)
    until(lambda: MeterSample.objects.exists())
    assert len(heard) == 1, "the same charge is told once"


def test_what_a_start_may_ask_of_the_box(sock, pile):
    send_start(pile, energy_kwh="1.5", overload_w=350, max_time_s=14_400, full_w=5, stop_at_full=True)
    fields = sock.expect(0x82).fields
    assert (fields["rate_mode"], fields["amount"]) == (2, 150)
    assert (fields["max_time"], fields["overload"]) == (14_400, Decimal("350.0"))
    assert (fields["full_w"], fields["stop_at_full"], fields["ignore_unplug"]) == (5, 1, 0)


def test_a_start_that_does_not_fit_the_wire_fails_and_sends_nothing(sock, pile):
    command = send_start(pile, duration_s=70_000)
    until(lambda: state_of(command) == "failed")
    assert "amount" in commands.DeviceCommand.objects.get(pk=command.pk).reason
    assert sock.quiet(0x82)


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        (1, "rejected", "not_plugged"),
        (2, "rejected", "already_so"),
        (4, "rejected", "no_such_port"),
        (6, "rejected", "box_over_power"),
        (0x0A, "rejected", "short_circuit"),
        (0x77, "rejected", "result_77"),
        (3, "accepted", "port_fault"),
        (9, "accepted", "relay_stuck"),
    ],
)
def test_refusals_and_warnings_have_their_slug(sock, pile, heard, result, state, reason):
    command = send_start(pile)
    sock.expect(0x82)
    sock.answer(result)
    until(lambda: state_of(command) == state)
    assert commands.DeviceCommand.objects.get(pk=command.pk).reason == reason
    told = {events.FaultRaised, events.ChargeStarted} if state == "accepted" else set()
    until(lambda: {type(event) for event in heard} == told)


def test_an_answer_with_another_message_id_ends_nothing(sock, pile):
    command = send_start(pile)
    sock.expect(0x82)
    sock.send(0x82, message_id=message_id_of(command.pk + 1), result=0, order=ORDER, port=0)
    until(lambda: Pile.objects.get(pk=pile.pk).findings.get("unmatched_answer"))
    assert state_of(command) == "sent"
    sock.answer()
    until(lambda: state_of(command) == "accepted")


def test_an_answer_finds_its_command_on_a_new_connection(dial, pile):
    old = dial()
    old.register()
    command = send_start(pile)
    old.expect(0x82)
    new = dial()
    new.last_frame = old.last_frame
    new.answer()
    until(lambda: state_of(command) == "accepted")


def test_an_unanswered_command_is_sent_once_more_with_the_same_id(sock, pile, monkeypatch):
    monkeypatch.setattr(consumer, "RESEND_AFTER_S", 0.6)
    command = send_start(pile)
    sock.expect(0x82)
    first = sock.last_frame
    sock.expect(0x82, 3)
    assert sock.last_frame == first
    assert sock.quiet(0x82, 1.5), "once more, not for ever"
    sock.answer(2)
    until(lambda: state_of(command) == "accepted")
    until(lambda: connector(pile).state == "charging")  # only our own first try can have started it


def test_already_charging_under_another_order_is_a_refusal_even_after_a_resend(sock, pile, monkeypatch):
    monkeypatch.setattr(consumer, "RESEND_AFTER_S", 0.6)
    sock.power(OFFLINE_ORDER, how=0)
    until(lambda: connector(pile).state == "charging")
    command = send_start(pile)
    sock.expect(0x82)
    sock.expect(0x82, 3)
    sock.answer(2)
    until(lambda: state_of(command) == "rejected")


def test_commands_to_one_box_keep_half_a_second(sock, pile):
    for number in (1, 2, 3):
        send_start(pile, number)
    times = []
    for _ in range(3):
        sock.expect(0x82)
        times.append(time.monotonic())
    assert times[1] - times[0] > 0.4 and times[2] - times[1] > 0.4


def test_a_stop_carries_the_running_order(sock, pile):
    command = commands.send_command(
        actor=system("test"),
        pile=Pile.objects.get(pk=pile.pk),
        kind="stop",
        connector_no=4,
        params={"transaction_ref": ORDER},
    )
    fields = sock.expect(0x82).fields
    assert (fields["action"], fields["port"], fields["order"]) == (0, 3, ORDER)
    sock.answer()
    until(lambda: state_of(command) == "accepted")


@pytest.mark.parametrize(
    ("kind", "connector_no", "wire"),
    [("read_status", 0, 0x81), ("read_status", 2, 0x81), ("reboot", 0, 0x87)],
)
def test_state_and_reboot_are_answered_by_what_the_box_then_says(sock, pile, kind, connector_no, wire):
    command = commands.send_command(
        actor=system("test"), pile=Pile.objects.get(pk=pile.pk), kind=kind, connector_no=connector_no
    )
    sock.expect(wire)
    sock.register()  # also the proof of a reboot whose answer got lost
    until(lambda: state_of(command) == "accepted")


def test_limits_are_set_and_read_back(sock, pile):
    box = Pile.objects.get(pk=pile.pk)
    put = commands.send_command(
        actor=system("test"),
        pile=box,
        kind="change_configuration",
        params={"max_time_s": 36_000, "overload_w": "500.5"},
    )
    assert sock.expect(0x85).fields == {"max_time": 36_000, "overload": Decimal("500.5")}
    sock.send(0x85, message_id=sock.last_frame.message_id, result=0)
    until(lambda: state_of(put) == "accepted")
    got = commands.send_command(actor=system("test"), pile=box, kind="get_configuration")
    sock.expect(0x92)
    sock.send(0x92, message_id=sock.last_frame.message_id, max_time=36_000, overload=Decimal("500.5"))
    until(lambda: state_of(got) == "accepted")
    assert commands.DeviceCommand.objects.get(pk=got.pk).result == {"max_time": 36_000, "overload": "500.5"}


def test_a_power_report_is_a_sample(sock, pile):
    sock.power(ORDER, port=4, energy="0.25")
    sample = until(lambda: MeterSample.objects.first())
    assert (sample.connector_no, sample.transaction_ref) == (5, ORDER)
    assert (sample.energy_kwh, sample.power_kw) == (Decimal("0.2500"), Decimal("0.210"))
    assert (sample.voltage_v, sample.current_a) == (Decimal("221.3"), Decimal("0.96"))
    assert sample.temperature_c == 35
    until(lambda: connector(pile, 5).state == "charging")


def test_the_old_confirmation_proves_the_charge_before_the_answer(sock, pile, heard):
    send_start(pile, 2)
    sock.expect(0x82)
    sock.send(0x04, port=1, how=1, card="00000000", duration=3, order=ORDER)
    assert sock.expect(0x04).fields == {"port": 1, "result": 0}
    (started,) = until(lambda: heard)
    assert (started.connector_no, started.transaction_ref) == (2, ORDER)


def test_a_card_nobody_vouches_for_is_refused_aloud(sock):
    for port in (1, 0xFF):
        sock.send(0x02, card="7A8D05DD", card_kind=0, port=port, purse_fen=0)
        fields = sock.expect(0x02).fields
        assert (fields["account"], fields["port"], fields["card"]) == (1, port, "7A8D05DD")


def test_a_card_that_a_floor_above_vouches_for_is_accepted(sock, monkeypatch):
    known = []

    def vouch(event):
        known.append((event.connector_no, event.id_tag))
        return events.Authorization("expired" if event.connector_no == 0 else "accepted")

    monkeypatch.setitem(events._HANDLERS, events.AuthorizationRequested, [vouch])
    for port, account in ((1, 0), (0xFF, 7)):
        sock.send(0x02, card="7A8D05DD", card_kind=0, port=port, purse_fen=0)
        assert sock.expect(0x02).fields["account"] == account
    assert known == [(2, "7A8D05DD"), (0, "7A8D05DD")]


@pytest.mark.parametrize(
    ("kind", "port", "connector_no", "code"),
    [(1, 0, 0, "power_lost"), (4, 3, 0, "smoke"), (3, 3, 4, "hot_glue"), (0x55, 1, 0, "alarm_55")],
)
def test_alarms_are_faults_with_words(sock, heard, kind, port, connector_no, code):
    sock.send(0x42, kind=kind, port=port, trigger=1)
    (fault,) = until(lambda: list(heard))
    assert (fault.connector_no, fault.code) == (connector_no, code)
    assert fault.words.endswith(".")


# --- settlements -------------------------------------------------------------


@pytest.mark.promise(1)
@pytest.mark.promise(2)
def test_a_settlement_is_stored_before_it_is_acknowledged_and_only_once(sock, pile):
    for repeat in range(3):
        # Its time is that of sending: another one in each repeat, and no part of what it says.
        message_id = sock.settle(ORDER, time=datetime(2026, 11, 20, 4, 30 * repeat % 60, tzinfo=UTC))
        assert sock.expect(0x03).fields == {"result": 0}
        assert sock.last_frame.message_id == message_id
        assert TransactionRecord.objects.count() == 1
    record = TransactionRecord.objects.get()
    assert record.times_received == 3
    assert record.conflicts == []
    assert (record.connector_no, record.energy_kwh) == (1, Decimal("0.4800"))
    assert (record.stop_reason, record.stop_code, record.start_method) == ("battery_full", "01", "code")
    assert record.identity == f"dny:{pile.code}:{ORDER}"


@pytest.mark.promise(2)
def test_sessions_without_a_number_are_told_apart_by_their_content(sock):
    first = {"how": 0, "card": "7A8D05DD"}
    for changes in (first, first, {**first, "energy": Decimal("0.49")}, {**first, "port": 1}):
        sock.settle(NO_ORDER, **changes)
        assert sock.expect(0x03).fields == {"result": 0}
    records = list(TransactionRecord.objects.order_by("pk"))
    assert [record.times_received for record in records] == [2, 1, 1]
    assert {record.id_tag for record in records} == {"7A8D05DD"}
    assert {record.start_method for record in records} == {"offline_card"}
    assert {record.started_at for record in records} == {None}, "no platform evidence, no times"


@pytest.mark.promise(3)
def test_a_repeat_with_other_content_is_kept_answered_and_flagged(sock):
    sock.settle(ORDER)
    sock.expect(0x03)
    sock.settle(ORDER, energy=Decimal("9.99"))
    assert sock.expect(0x03).fields == {"result": 0}
    record = TransactionRecord.objects.get()
    assert record.energy_kwh == Decimal("0.4800")
    assert len(record.conflicts) == 1


@pytest.mark.promise(2)
def test_the_same_settlement_on_many_sockets_at_once(dial):
    socks = []
    for _ in range(6):
        sock = dial()
        sock.send_raw(sock.wire(0x03, **settlement(ORDER)))
        socks.append(sock)
    socks[-1].expect(0x03)
    assert TransactionRecord.objects.count() == 1


def test_a_host_settles_for_each_of_its_boxes(sock, site, pile):
    other = factories.add_pile(site.station, protocol="dny", connectors=10)
    sock.send(0x03, code=other.code, **settlement(ORDER))
    sock.expect(0x03)
    assert TransactionRecord.objects.get().pile_id == other.pk


@pytest.mark.parametrize(
    ("code", "slug"),
    [(3, "time_reached"), (5, "unplugged"), (6, "overload"), (7, "stopped_by_platform"), (0x0B, "port_hot"), (0x19, "memory"), (0xEE, "stop_ee")],
)  # fmt: skip
def test_stop_reasons_are_slugs(sock, code, slug):
    sock.settle(ORDER, stop_reason=code)
    sock.expect(0x03)
    assert TransactionRecord.objects.get().stop_reason == slug
