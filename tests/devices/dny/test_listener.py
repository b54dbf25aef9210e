"""The DNY listener from outside: a real socket against a running gateway and the test database."""

import random
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from devices import events
from devices.models import FrameLog, PileSession, UnknownPile
from devices.protocols.dny import codec, consumer
from devices.services import acceptance, presence
from kernel import clock
from kernel.actor import system
from stations.models import Connector, Pile
from tests import factories
from tests.devices.dny.client import ICCID, DnySocket
from tests.devices.dny.helpers import ORDER, connector
from tests.devices.gateway.test_ykc_listener import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.message("dny", "20 in", "20 out")
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


@pytest.mark.message("dny", "21 in", "21 out", "81")
def test_a_modem_that_came_back_is_online_at_the_first_heartbeat_and_asked_what_it_is(dial, pile):
    sock = dial()
    assert sock.beat({2: 2}).fields == {"result": 0}
    assert Pile.objects.get(pk=pile.pk).online
    assert sock.expect(0x81).fields == {}
    until(lambda: connector(pile, 3).state == "occupied")


@pytest.mark.promise(8)
@pytest.mark.message("dny", "20 in", "20 out", "21 in", "21 out", "02 in", "02 out", "03 in", "03 out")
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


@pytest.mark.message("dny", "11", "12 in", "12 out")
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


@pytest.mark.message("dny", "22 in", "22 out")
def test_the_clock_is_told_to_whoever_asks(sock):
    sock.send(0x22)
    assert abs((sock.expect(0x22).fields["time"] - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.feature("PIL-44")
@pytest.mark.message("dny", "21 in", "21 out")
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


@pytest.mark.message("dny", "01 in", "01 out")
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
