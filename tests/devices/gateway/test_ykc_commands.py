"""Every YKC command on the wire with the pile's yes and no, and the frames that ask for nothing (YKC V1.6 §6)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.models import PileTariff
from billing.services.tariff_push import push_tariff, wire_model
from devices.models import DeviceCommand, FrameLog, TransactionRecord
from devices.protocols.ykc import codec
from devices.protocols.ykc.handlers import HANDLERS
from devices.services import frames
from kernel import clock
from kernel.actor import system
from stations.models import Pile
from tests.devices.gateway.test_ykc_listener import TRADE, until
from tests.devices.ykc.client import YkcSocket, record_fields

K = DeviceCommand.Kind
S = DeviceCommand.State
NO_CARD = "0" * 16

pytestmark = pytest.mark.django_db(transaction=True)


def ended(command: DeviceCommand) -> DeviceCommand:
    return until(
        lambda: DeviceCommand.objects.filter(pk=command.pk).exclude(state__in=["queued", "sent"]).first()
    )


def findings_of(pile: Pile) -> dict[str, int]:
    return Pile.objects.get(pk=pile.pk).findings


# --- balance ------------------------------------------------------------------


@pytest.mark.message("ykc", "42", "41")
@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        (0, S.ACCEPTED, ""),
        (1, S.REJECTED, "wrong_pile"),
        (2, S.REJECTED, "wrong_card"),
        (9, S.REJECTED, "result_9"),
    ],
)
def test_a_balance_goes_out_in_yuan_and_its_answer_ends_the_command(sock, command, result, state, reason):
    sent = command(K.SET_BALANCE, connector_no=2, params={"balance_fen": 12_345})
    fields = sock.expect(0x42).fields
    assert (fields["gun_no"], fields["balance"], fields["physical_card"]) == (
        "02",
        Decimal("123.45"),
        NO_CARD,
    )
    sock.send(0x41, physical_card=NO_CARD, result=result)
    row = ended(sent)
    assert (row.state, row.reason) == (state, reason)


@pytest.mark.message("ykc", "42")
def test_a_debt_goes_out_as_no_balance(sock, command):
    command(K.SET_BALANCE, connector_no=1, params={"balance_fen": -500})
    assert sock.expect(0x42).fields["balance"] == 0


@pytest.mark.message("ykc", "41", "03")
def test_a_balance_reply_that_nobody_waits_for_does_no_harm(sock, pile):
    sock.send(0x41, physical_card=NO_CARD, result=0)
    sock.send(0x03, gun_no="01", gun_status=0)
    sock.expect(0x04)
    assert not DeviceCommand.objects.filter(pile=pile).exists()


# --- clock --------------------------------------------------------------------


@pytest.mark.message("ykc", "56", "55")
def test_the_clock_is_set_and_the_pile_s_own_comes_back(sock, command, pile):
    sent = command(K.SYNC_TIME)
    told = sock.expect(0x56).fields["time"]
    assert abs(told - clock.now()) < timedelta(seconds=5)
    sock.send(0x55, time=told)
    row = ended(sent)
    assert row.state == S.ACCEPTED
    assert row.result["drift_s"] < 5
    assert "clock_drift" not in findings_of(pile)


@pytest.mark.message("ykc", "56", "55")
@pytest.mark.parametrize("shift", [timedelta(hours=8), -timedelta(minutes=2), None])
def test_a_clock_that_stays_wrong_is_counted(sock, command, pile, shift):
    sent = command(K.SYNC_TIME)
    told = sock.expect(0x56).fields["time"]
    sock.send(0x55, time=told + shift if shift is not None else None)
    assert ended(sent).state == S.ACCEPTED
    until(lambda: findings_of(pile).get("clock_drift"))


# --- tariff -------------------------------------------------------------------


def held_tariffs():
    return PileTariff.objects.unscoped("test")


@pytest.mark.message("ykc", "58", "57")
def test_a_pushed_tariff_is_held_once_the_pile_says_so(sock, site):
    held_tariffs().delete()
    sent = push_tariff(actor=system("test"), pile=site.pile)
    fields = sock.expect(0x58).fields
    model = wire_model(site.version)
    assert fields["model_no"] == model["model_no"]
    assert fields["slots"] == model["slots"].hex().upper()
    rates = {name: value for name, value in fields.items() if name.endswith("_rate")}
    assert rates == {name: value for name, value in model.items() if name.endswith("_rate")}
    assert len(rates) == 8
    assert not held_tariffs().exists()
    sock.send(0x57, ok=1)
    assert ended(sent).state == S.ACCEPTED
    assert until(lambda: held_tariffs().filter(pile=site.pile, version=site.version))


@pytest.mark.message("ykc", "58", "57")
def test_a_tariff_that_the_pile_refuses_is_not_held(sock, site):
    held_tariffs().delete()
    sent = push_tariff(actor=system("test"), pile=site.pile)
    sock.expect(0x58)
    sock.send(0x57, ok=0)
    row = ended(sent)
    assert (row.state, row.reason) == (S.REJECTED, "refused_by_pile")
    assert not held_tariffs().exists()


@pytest.mark.message("ykc", "01", "58", "57")
def test_a_pile_that_holds_no_tariff_gets_it_after_its_login(live_gateway, site):
    held_tariffs().delete()
    with YkcSocket(live_gateway.ykc_port, site.pile.code) as sock:
        sock.login()
        assert sock.expect(0x58).fields["model_no"] == wire_model(site.version)["model_no"]
        sock.send(0x57, ok=1)
        until(lambda: held_tariffs().filter(pile=site.pile, version=site.version))


# --- reboot and work parameters -----------------------------------------------


@pytest.mark.message("ykc", "92", "91")
@pytest.mark.parametrize(("params", "when"), [({}, 2), ({"hard": True}, 1)])
@pytest.mark.parametrize(("ok", "state"), [(1, S.ACCEPTED), (0, S.REJECTED)])
def test_a_reboot_at_once_or_when_idle(sock, command, params, when, ok, state):
    sent = command(K.REBOOT, params=params)
    assert sock.expect(0x92).fields["when"] == when
    sock.send(0x91, ok=ok)
    assert ended(sent).state == state


@pytest.mark.message("ykc", "52", "51")
@pytest.mark.parametrize(("available", "forbid"), [(True, 0), (False, 1)])
@pytest.mark.parametrize(("ok", "state"), [(1, S.ACCEPTED), (0, S.REJECTED)])
def test_work_parameters_lock_and_unlock(sock, command, available, forbid, ok, state):
    sent = command(K.SET_AVAILABILITY, params={"available": available})
    fields = sock.expect(0x52).fields
    assert (fields["forbid"], fields["power_pct"]) == (forbid, 100)
    sock.send(0x51, ok=ok)
    assert ended(sent).state == state


# --- live data ----------------------------------------------------------------


@pytest.mark.message("ykc", "12", "13")
def test_live_data_is_read_of_one_gun(sock, command):
    sent = command(K.READ_STATUS, connector_no=2)
    assert sock.expect(0x12).fields["gun_no"] == "02"
    sock.live("01", status=2)
    sock.send(0x03, gun_no="01", gun_status=0)
    sock.expect(0x04)
    assert DeviceCommand.objects.get(pk=sent.pk).state == S.SENT, "the other gun was not asked"
    sock.live("02", status=2, energy=Decimal("0.5000"))
    row = ended(sent)
    assert (row.state, row.result) == (S.ACCEPTED, {"status": 2, "energy": "0.5000"})


# --- start and stop -----------------------------------------------------------


@pytest.mark.message("ykc", "34", "33")
@pytest.mark.parametrize(
    ("ok", "fail", "state", "reason"),
    [(1, "00", S.ACCEPTED, ""), (0, "03", S.REJECTED, codec.words.remote_start_failure("03").slug)],
)
def test_a_remote_start_and_its_answers(sock, command, ok, fail, state, reason):
    sent = command(K.START, connector_no=1, params={"transaction_ref": TRADE, "balance_fen": 5_000})
    fields = sock.expect(0x34).fields
    assert (fields["trade_no"], fields["gun_no"], fields["balance"]) == (TRADE, "01", Decimal("50.00"))
    sock.send(0x33, trade_no=TRADE, gun_no="01", ok=ok, fail=fail)
    row = ended(sent)
    assert (row.state, row.reason) == (state, reason)


@pytest.mark.message("ykc", "36", "35")
@pytest.mark.parametrize(
    ("ok", "fail", "state", "reason"),
    [(1, "00", S.ACCEPTED, ""), (0, "02", S.REJECTED, codec.words.remote_stop_failure("02").slug)],
)
def test_a_remote_stop_and_its_answers(sock, command, ok, fail, state, reason):
    sent = command(K.STOP, connector_no=2)
    assert sock.expect(0x36).fields["gun_no"] == "02"
    sock.send(0x35, gun_no="02", ok=ok, fail=fail)
    row = ended(sent)
    assert (row.state, row.reason) == (state, reason)


# --- records and frames without a handler ---------------------------------------


@pytest.mark.message("ykc", "3D", "40")
def test_a_record_with_meter_cipher_is_stored_and_acknowledged_like_any_other(sock):
    cipher = "AB" * 34
    for _ in range(2):
        sock.send(
            0x3D,
            **record_fields(TRADE),
            meter_no="000123456789",
            meter_cipher=cipher,
            meter_proto=1,
            meter_enc=0,
        )
        fields = sock.expect(0x40).fields
        assert (fields["trade_no"], fields["result"]) == (TRADE, 0)
    record = TransactionRecord.objects.get()
    assert (record.times_received, record.energy_kwh, record.conflicts) == (2, Decimal("10.0000"), [])
    assert record.payload["meter_cipher"] == cipher


@pytest.mark.promise(8)
@pytest.mark.message("ykc", "15", "17", "19", "1B", "1D", "21", "23", "25", "43", "45", "47", "61", "63")
@pytest.mark.message("ykc", "31", "93", "A1", "A3", "F1")
def test_every_frame_of_a_pile_may_come_empty_and_unasked(sock, pile):
    """Answers that nobody waits for, guns that do not exist, figures of zero: logged, and the link lives."""
    upward = [layout for key, layout in codec.LAYOUTS.items() if layout.upward and key not in (0x01, 0x13)]
    for layout in upward:
        assert layout.type in HANDLERS
        body = bytearray(layout.size)
        offset = 16 if any(field.name == "trade_no" for field in layout.fields) else 0
        body[offset : offset + 7] = bytes.fromhex(pile.code)
        sock.send_raw(codec.build_frame(layout.type, bytes(body)))
    sock.send(0x03, gun_no="01", gun_status=0)
    while sock.expect(0x04).fields["gun_no"] != "01":
        pass
    names = {f"{layout.type:02X} {layout.name}" for layout in upward}
    rows = until(
        lambda: (
            len(
                found := FrameLog.objects.filter(pile_id=pile.pk, name__in=names, direction="in").exclude(
                    name="03 heartbeat"
                )
            )
            >= len(names) - 1
            and found
        )
    )
    assert not any(row.error for row in rows)
    assert {frames.as_json(row)["decoded"]["pile_code"] for row in rows.values(*frames.NAMES)} == {pile.code}
    assert not DeviceCommand.objects.filter(pile=pile, state="accepted").exists()
