"""The YKC listener from outside: a real socket against a running gateway and the test database."""

import random
import threading
import time
from decimal import Decimal

import pytest

from billing.services.orders import start_order
from devices.gateway.buffers import running_buffers
from devices.models import FrameLog, MeterSample, PileSession, TransactionRecord, UnknownPile
from devices.protocols.ykc import codec
from devices.protocols.ykc.consumer import YkcConsumer
from devices.services import commands, presence
from devices.services.service_state import set_in_service
from kernel.actor import system
from kernel.errors import DomainError
from stations.models import Connector, Pile
from tests import factories
from tests.devices.ykc.client import YkcSocket, record_fields

LOGIN = {
    "pile_type": 0, "gun_count": 2, "proto_version": 16, "software": "V4.1.50", "net": 0,
    "sim": "89860000000000000001", "operator": 0,
}  # fmt: skip
TRADE = "32010600019236012611201200000001"

pytestmark = pytest.mark.django_db(transaction=True)


def until(condition, timeout: float = 5.0):
    """Wait until `condition()` is truthy and return it."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def site(transactional_db):
    return factories.make_site()


@pytest.fixture
def pile(site) -> Pile:
    return site.pile


def dial(live_gateway, pile, **kwargs) -> YkcSocket:
    return YkcSocket(live_gateway.ykc_port, pile.code, **kwargs)


@pytest.mark.message("ykc", "01", "02", "56")
def test_login_marks_online_and_sets_the_clock(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        seq_reply = sock.login()
        assert seq_reply.fields["result"] == 0
        assert sock.last_frame.seq == b"\x01\x00"
        pile.refresh_from_db()
        assert pile.online
        assert pile.firmware == "V4.1.50"
        sock.expect(0x56)
    until(lambda: not Pile.objects.get(pk=pile.pk).online)
    session = PileSession.objects.filter(pile=pile).latest("pk")
    assert session.closed_at is not None


def test_in_a_storm_a_pile_may_wait_for_its_login_and_one_that_gave_up_costs_none(
    live_gateway, site, pile, monkeypatch
):
    gate, calls, real = threading.Event(), [], presence.open_sessions
    gone = factories.add_pile(site.station)

    def slow(logins):
        calls.append(len(logins))
        gate.wait(10)
        real(logins)

    monkeypatch.setattr(presence, "open_sessions", slow)
    monkeypatch.setattr(YkcConsumer, "login_within_s", 0.05)
    with dial(live_gateway, pile) as sock:
        sock.send(0x01, **LOGIN)
        until(lambda: calls)
        with YkcSocket(live_gateway.ykc_port, gone.code) as impatient:
            impatient.send(0x01, **LOGIN)
            until(lambda: any(len(buffers.logins) for buffers in running_buffers()))
        with YkcSocket(live_gateway.ykc_port, "1" * 14) as silent:
            assert silent.closed()  # who says nothing is closed, and the others have waited as long
        gate.set()
        assert sock.expect(0x02).fields["result"] == 0
        until(lambda: len(calls) == 2 and not any(len(buffers.logins) for buffers in running_buffers()))
        sock.send(0x03, gun_no="01", gun_status=0)
        sock.expect(0x04)
    assert not PileSession.objects.filter(pile=gone).exists()


@pytest.mark.promise(8)
@pytest.mark.feature("BOOT-03")
@pytest.mark.message("ykc", "01", "02")
def test_unknown_pile_is_refused_listed_and_closed(live_gateway, site):
    with YkcSocket(live_gateway.ykc_port, "99999999999999") as sock:
        assert sock.login().fields["result"] == 1
        assert sock.closed()
    row = UnknownPile.objects.get()
    assert (row.code, row.protocol, row.attempts) == ("99999999999999", "ykc", 1)
    with YkcSocket(live_gateway.ykc_port, "99999999999999") as sock:
        sock.login()
        assert sock.closed()
    row.refresh_from_db()
    assert row.attempts == 2


@pytest.mark.promise(8)
def test_a_pile_speaks_only_for_itself(live_gateway, site, pile):
    other = factories.add_pile(site.station, protocol=Pile.Protocol.YKC)
    with dial(live_gateway, pile) as sock:
        sock.login()
        sock.send(0x3B, **record_fields(TRADE, pile_code=other.code))
        sock.send(0x03, gun_no="01", gun_status=0)
        sock.expect(0x04)
        assert sock.quiet(0x40)
    assert not TransactionRecord.objects.exists()


@pytest.mark.message("ykc", "03", "04")
def test_heartbeat_is_echoed_with_its_sequence(live_gateway, pile):
    Connector.objects.filter(pile=pile).update(state="offline")
    with dial(live_gateway, pile) as sock:
        sock.login()
        seq = sock.send(0x03, gun_no="02", gun_status=0)
        reply = sock.expect(0x04)
        assert reply.fields["gun_no"] == "02"
        assert sock.last_frame.seq == seq
        until(lambda: Connector.objects.get(pile=pile, number=2).state == "idle")


@pytest.mark.feature("PIL-03", "PIL-18")
@pytest.mark.message("ykc", "13")
def test_state_follows_live_data_and_fault_words_are_kept(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        sock.live(status=2, plugged=1)
        until(lambda: Connector.objects.get(pile=pile, number=1).state == "occupied")
        sock.live(status=1, fault_bits=1)
        connector = until(lambda: Connector.objects.filter(pile=pile, number=1, state="fault").first())
        assert "emergency_stop" in connector.fault_code
        sock.live(status=2, plugged=0)
        until(lambda: Connector.objects.get(pile=pile, number=1).state == "idle")


@pytest.mark.parametrize("order", ["low", "high"])
@pytest.mark.feature("PIL-27")
def test_split_merged_and_both_checksum_orders(live_gateway, pile, order):
    def wire(frame_type, **fields):
        raw = codec.encode(frame_type, {"pile_code": pile.code, **fields}, b"\x07\x09")
        return raw if order == "low" else raw[:-2] + raw[:-3:-1]

    with dial(live_gateway, pile) as sock:
        sock.login()
        two = wire(0x03, gun_no="01", gun_status=0) + wire(0x03, gun_no="02", gun_status=0)
        sock.send_raw(two[:5])
        time.sleep(0.05)
        sock.send_raw(two[5:])
        assert {sock.expect(0x04).fields["gun_no"], sock.expect(0x04).fields["gun_no"]} == {"01", "02"}
        if order == "high":
            until(lambda: Pile.objects.get(pk=pile.pk).findings.get("crc_high_first"))


@pytest.mark.promise(8)
def test_garbage_and_wrong_checksums_are_counted_and_the_socket_survives(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        good = codec.encode(0x03, {"pile_code": pile.code, "gun_no": "01", "gun_status": 0})
        sock.send_raw(b"\x00garbage" + good[:-2] + b"\x00\x00" + good)
        sock.expect(0x04)
    until(lambda: Pile.objects.get(pk=pile.pk).findings.get("bad_crc"))
    until(lambda: FrameLog.objects.filter(error="bad_crc").exists())


@pytest.mark.promise(8)
def test_endless_garbage_closes_that_socket_only(live_gateway, pile):
    other = YkcSocket(live_gateway.ykc_port, pile.code)
    other.login()
    noise = random.Random(1)
    with YkcSocket(live_gateway.ykc_port) as sock:
        try:
            for _ in range(200):
                sock.send_raw(noise.randbytes(1024))
        except OSError:
            pass  # closed while we were still sending
        assert sock.closed(10)
    other.send(0x03, gun_no="01", gun_status=0)
    other.expect(0x04)
    other.close()


def test_newest_connection_wins(live_gateway, pile):
    old = dial(live_gateway, pile)
    old.login()
    new = dial(live_gateway, pile)
    new.login()
    assert old.closed()
    new.send(0x03, gun_no="01", gun_status=0)
    new.expect(0x04)
    assert PileSession.objects.filter(pile=pile, closed_at__isnull=True).count() == 1
    time.sleep(0.2)
    assert Pile.objects.get(pk=pile.pk).online
    new.close()
    old.close()


@pytest.mark.feature("PLT-30")
def test_several_piles_on_one_socket(live_gateway, site, pile):
    other = factories.add_pile(site.station, protocol=Pile.Protocol.YKC)
    with dial(live_gateway, pile) as sock:
        sock.login()
        sock.login(pile_code=other.code)
        sock.send(0x03, pile_code=other.code, gun_no="01", gun_status=0)
        assert sock.expect(0x04).fields["pile_code"] == other.code
        assert Pile.objects.filter(online=True).count() == 2
    until(lambda: not Pile.objects.filter(online=True).exists())


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.message("ykc", "3B", "40")
def test_a_record_is_stored_before_it_is_acknowledged_and_only_once(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        for _ in range(3):
            sock.send(0x3B, **record_fields(TRADE))
            reply = sock.expect(0x40)
            assert (reply.fields["trade_no"], reply.fields["result"]) == (TRADE, 0)
            assert TransactionRecord.objects.filter(transaction_ref=TRADE).count() == 1
    record = TransactionRecord.objects.get()
    assert record.times_received == 3
    assert record.energy_kwh == Decimal("10.0000")
    assert record.conflicts == []


@pytest.mark.promise(2)
def test_the_same_record_on_many_sockets_at_once(live_gateway, pile):
    """A pile that reconnects while its record is under way: rival handlers, one row."""
    socks = []
    for _ in range(6):
        sock = dial(live_gateway, pile)
        sock.login()
        sock.send(0x3B, **record_fields(TRADE))
        socks.append(sock)
    until(lambda: TransactionRecord.objects.exists())
    socks[-1].expect(0x40)
    assert TransactionRecord.objects.count() == 1
    for sock in socks:
        sock.close()


@pytest.mark.promise(3)
def test_a_repeat_with_other_content_is_kept_answered_and_flagged(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        sock.send(0x3B, **record_fields(TRADE))
        sock.expect(0x40)
        sock.send(0x3B, **record_fields(TRADE, total_energy=Decimal("99.0000")))
        assert sock.expect(0x40).fields["result"] == 0
    record = TransactionRecord.objects.get()
    assert record.energy_kwh == Decimal("10.0000")
    assert len(record.conflicts) == 1


@pytest.mark.message("ykc", "13")
def test_samples_of_a_running_transaction_are_stored(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        for step in range(1, 4):
            sock.live(trade_no=TRADE, status=3, energy=Decimal(step).scaleb(-1))
        samples = until(
            lambda: list(MeterSample.objects.order_by("at")) if MeterSample.objects.count() == 3 else None
        )
    assert [sample.energy_kwh for sample in samples] == [Decimal("0.1"), Decimal("0.2"), Decimal("0.3")]
    assert samples[0].power_kw == Decimal("40.000")


@pytest.mark.message("ykc", "12", "13")
def test_a_command_reaches_the_pile_and_its_answer_ends_it(live_gateway, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        command = commands.send_command(actor=system("test"), pile=pile, kind="read_status", connector_no=1)
        assert sock.expect(0x12).fields["gun_no"] == "01"
        sock.live(status=2)
        until(lambda: commands.DeviceCommand.objects.get(pk=command.pk).state == "accepted")


@pytest.mark.message("ykc", "92")
def test_a_queued_command_is_found_without_a_wake_up(live_gateway, pile, monkeypatch):
    monkeypatch.setattr(commands, "_wake", lambda channel, command_id: None)
    with dial(live_gateway, pile) as sock:
        sock.login()
        commands.send_command(actor=system("test"), pile=pile, kind="reboot")
        assert sock.expect(0x92, 4).fields["when"] == 2


@pytest.mark.promise(8)
def test_a_flood_slows_its_own_pile_only(live_gateway, site, pile):
    other = factories.add_pile(site.station, protocol=Pile.Protocol.YKC)
    with dial(live_gateway, pile) as flood, YkcSocket(live_gateway.ykc_port, other.code) as calm:
        flood.login()
        calm.login()
        beat = codec.encode(0x03, {"pile_code": pile.code, "gun_no": "01", "gun_status": 0})
        sender = threading.Thread(target=lambda: _send_all(flood, beat * 4000))
        sender.start()
        waits = []
        for _ in range(10):
            before = time.monotonic()
            calm.send(0x03, gun_no="01", gun_status=0)
            calm.expect(0x04)
            waits.append(time.monotonic() - before)
        assert sorted(waits)[5] < 1.0
        flood.close()
        sender.join()


def _send_all(sock, data):
    try:
        sock.send_raw(data)
    except OSError:
        pass  # the test closed it


@pytest.mark.feature("PIL-33")
def test_a_pile_that_was_silent_for_long_comes_back_on_the_same_socket(live_gateway, pile, monkeypatch):
    """Its session was closed by the sweep; the next frame opens it again."""
    from datetime import timedelta

    from kernel import clock

    with dial(live_gateway, pile) as sock:
        sock.login()
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=10))
        assert presence.expire_silent() == 1
        assert not Pile.objects.get(pk=pile.pk).online
        sock.send(0x03, gun_no="01", gun_status=0)
        sock.expect(0x04)
        assert Pile.objects.get(pk=pile.pk).online
        until(lambda: Connector.objects.get(pile=pile, number=1).state == "idle")


@pytest.mark.feature("PIL-04")
@pytest.mark.message("ykc", "51", "52")
def test_out_of_service_locks_the_pile_and_refuses_starts(live_gateway, site, pile):
    with dial(live_gateway, pile) as sock:
        sock.login()
        sock.live(status=2, plugged=1)
        until(lambda: Connector.objects.get(pile=pile, number=1).state == "occupied")
        set_in_service(actor=system("test"), pile=pile, in_service=False, reason="maintenance")
        lock = sock.expect(0x52)
        assert (lock.fields["forbid"], lock.fields["power_pct"]) == (1, 100)
        sock.send(0x51, ok=1)
        until(lambda: pile.commands.filter(kind="set_availability", state="accepted").exists())
        with pytest.raises(DomainError) as refusal:
            start_order(actor=system("test"), connector_code=site.connector.code, driver=site.driver)
        assert refusal.value.code == "pile_out_of_service"
        set_in_service(actor=system("test"), pile=pile, in_service=True, reason="done")
        assert sock.expect(0x52).fields["forbid"] == 0
