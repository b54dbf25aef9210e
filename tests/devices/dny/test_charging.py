"""Starts, stops, power, cards and alarms of e-bike boxes over a real socket."""

import time
from decimal import Decimal

import pytest

from devices import events
from devices.models import MeterSample
from devices.protocols.dny import consumer
from devices.protocols.dny.references import message_id_of
from devices.services import commands
from kernel.actor import system
from stations.models import Pile
from tests.devices.dny.helpers import OFFLINE_ORDER, ORDER, connector, send_start, state_of
from tests.devices.gateway.test_ykc_listener import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.message("dny", "82 in", "82 out", "06")
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


@pytest.mark.message("dny", "8A in", "8A out")
def test_a_running_charge_is_told_its_new_end(sock, pile):
    for params, fields, result, state, reason in (
        ({"duration_s": 7_200}, (0, 7_200), 0, "accepted", ""),
        ({"energy_kwh": "1.5"}, (2, 150), 2, "rejected", "less_than_used"),
    ):
        command = commands.send_command(
            actor=system("test"), pile=pile, kind="extend", connector_no=3, params=params, reference="7"
        )
        told = sock.expect(0x8A).fields
        assert (told["rate_mode"], told["amount"], told["port"]) == (*fields, 2)
        sock.send(0x8A, message_id=sock.last_frame.message_id, result=result)
        until(lambda pk=command.pk, wanted=state: commands.DeviceCommand.objects.get(pk=pk).state == wanted)
        assert commands.DeviceCommand.objects.get(pk=command.pk).reason == reason


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
@pytest.mark.message("dny", "82 in", "82 out")
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


@pytest.mark.message("dny", "82 in", "82 out")
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


@pytest.mark.message("dny", "85 in", "85 out", "92 in", "92 out")
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


@pytest.mark.message("dny", "06")
def test_a_power_report_is_a_sample(sock, pile):
    sock.power(ORDER, port=4, energy="0.25")
    sample = until(lambda: MeterSample.objects.first())
    assert (sample.connector_no, sample.transaction_ref) == (5, ORDER)
    assert (sample.energy_kwh, sample.power_kw) == (Decimal("0.2500"), Decimal("0.210"))
    assert (sample.voltage_v, sample.current_a) == (Decimal("221.3"), Decimal("0.96"))
    assert sample.temperature_c == 35
    until(lambda: connector(pile, 5).state == "charging")


@pytest.mark.message("dny", "04 in", "04 out")
def test_the_old_confirmation_proves_the_charge_before_the_answer(sock, pile, heard):
    send_start(pile, 2)
    sock.expect(0x82)
    sock.send(0x04, port=1, how=1, card="00000000", duration=3, order=ORDER)
    assert sock.expect(0x04).fields == {"port": 1, "result": 0}
    (started,) = until(lambda: heard)
    assert (started.connector_no, started.transaction_ref) == (2, ORDER)


@pytest.mark.message("dny", "02 in", "02 out")
def test_a_card_nobody_vouches_for_is_refused_aloud(sock):
    for port in (1, 0xFF):
        sock.send(0x02, card="7A8D05DD", card_kind=0, port=port, purse_fen=0)
        fields = sock.expect(0x02).fields
        assert (fields["account"], fields["port"], fields["card"]) == (1, port, "7A8D05DD")


@pytest.mark.message("dny", "02 in", "02 out")
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
@pytest.mark.message("dny", "42")
def test_alarms_are_faults_with_words(sock, heard, kind, port, connector_no, code):
    sock.send(0x42, kind=kind, port=port, trigger=1)
    (fault,) = until(lambda: list(heard))
    assert (fault.connector_no, fault.code) == (connector_no, code)
    assert fault.words.endswith(".")
