"""Starts asked for at the pile over a real socket: by card, by VIN, by two guns for one vehicle (YKC V1.6 §6.5, §6.12)."""

import hashlib
from decimal import Decimal

import pytest

from devices import events
from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel.actor import system
from stations.models import Pile
from tests.devices.gateway.test_ykc_commands import ended
from tests.devices.ykc.client import record_fields

TRADES = {number: f"3201060001923601261120120000{number:04d}" for number in (1, 2)}
CARD = "00000000D14B0A54"
VIN = "LSVAA49J132047371"
MERGE = "261125120000"
NO_TRADE = "0" * 32

pytestmark = pytest.mark.django_db(transaction=True)


class Accounts:
    """The floor above: what it decides, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[events.StartRequested] = []
        self.decision: events.StartDecision | None = None

    def __call__(self, event: events.StartRequested) -> events.StartDecision | None:
        self.asked.append(event)
        return self.decision


@pytest.fixture
def accounts(monkeypatch):
    accounts = Accounts()
    monkeypatch.setitem(events._HANDLERS, events.StartRequested, [accounts])
    return accounts


def ask(sock, gun="01", *, mode=1, card=CARD, vin="", password=b"", type=0x31, **more):
    return sock.send(
        type,
        gun_no=gun,
        mode=mode,
        need_pwd=1 if password else 0,
        physical_card=card,
        password=password.ljust(16, b"\0").hex().upper(),
        vin=vin,
        **more,
    )


def allow(trade: str, **more) -> events.StartDecision:
    return events.StartDecision(order_no="1", transaction_ref=trade, **more)


@pytest.mark.message("ykc", "31", "32")
def test_a_card_is_allowed_or_refused_with_its_reason(sock, pile, accounts):
    seq = ask(sock)
    answer = sock.expect(0x32).fields
    assert sock.last_frame.seq == seq
    assert (answer["ok"], answer["fail"], answer["trade_no"]) == (0, "01", NO_TRADE), "nobody knows the card"
    asked = accounts.asked.pop()
    assert (asked.method, asked.credential, asked.connector_no, asked.password_md5) == ("card", CARD, 1, "")

    for code, reason in enumerate(events.START_REFUSALS, 1):
        accounts.decision = events.StartDecision(refusal=reason, balance_fen=120, account_label="6001")
        ask(sock, "02")
        answer = sock.expect(0x32).fields
        assert (answer["gun_no"], answer["ok"], answer["fail"]) == ("02", 0, f"{code:02X}"), reason
        assert (answer["balance"], answer["logical_card"]) == (Decimal("1.20"), "0000000000006001")
    assert len(accounts.asked) == len(events.START_REFUSALS) == 11

    accounts.asked.clear()
    accounts.decision = allow(TRADES[1], balance_fen=12_345, account_label="1000573")
    for _ in range(2):  # the answer was lost, and the pile asks again
        ask(sock)
        answer = sock.expect(0x32).fields
        assert (answer["ok"], answer["fail"], answer["trade_no"]) == (1, "00", TRADES[1])
        assert (answer["balance"], answer["logical_card"]) == (Decimal("123.45"), "0000000001000573")
    assert len(accounts.asked) == 1, "one question, one order"
    sock.send(0x3B, **record_fields(TRADES[1]))
    sock.expect(0x40)
    ask(sock)
    sock.expect(0x32)
    assert len(accounts.asked) == 2, "after the record the same card is a new charge"

    digest = hashlib.md5(b"123456").hexdigest()
    for wire, told in [(digest[8:24].encode(), digest[8:24]), (bytes.fromhex(digest), digest)]:
        ask(sock, "02", password=wire)
        sock.expect(0x32)
        assert accounts.asked[-1].password_md5 == told

    before = len(accounts.asked)
    ask(sock, "09")
    assert sock.expect(0x32).fields["fail"] == "05", "the pile has no such gun"
    ask(sock, mode=2)
    assert sock.expect(0x32).fields["fail"] == "01", "typed-in accounts are not in use"
    Pile.objects.filter(pk=pile.pk).update(in_service=False)
    ask(sock, "02")
    assert sock.expect(0x32).fields["fail"] == "05"
    assert len(accounts.asked) == before, "nobody was asked"


@pytest.mark.message("ykc", "31", "32")
def test_a_vin_reaches_the_platform_in_reading_order(sock, accounts):
    for wire in (VIN, VIN[::-1]):  # some firmware turns it around, some does not
        ask(sock, mode=3, vin=wire, card="0" * 16)
        assert sock.expect(0x32).fields["fail"] == "09"
        asked = accounts.asked.pop()
        assert (asked.method, asked.credential) == ("vin", VIN)


@pytest.mark.promise(1)
@pytest.mark.message("ykc", "31", "32", "03", "04")
def test_an_allowed_start_without_a_number_is_never_answered(sock, accounts):
    """What could not be kept was not decided: the pile hears nothing and asks again."""
    accounts.decision = events.StartDecision(order_no="1")
    ask(sock)
    sock.send(0x03, gun_no="01", gun_status=0)
    sock.expect(0x04)
    assert [frame.type for frame in sock._inbox if frame.type == 0x32] == []
    accounts.decision = allow(TRADES[1])
    ask(sock)
    assert sock.expect(0x32).fields["ok"] == 1


@pytest.mark.message("ykc", "A1", "A2", "A3", "A4")
def test_two_guns_for_one_vehicle(sock, pile, accounts):
    """One question, one order and one transaction per gun; the merge number holds them together."""
    for number, role in [(1, 0), (2, 1)]:
        accounts.decision = allow(TRADES[number], balance_fen=5_000)
        ask(sock, f"{number:02d}", type=0xA1, role=role, merge_no=MERGE)
        answer = sock.expect(0xA2).fields
        assert (answer["ok"], answer["trade_no"], answer["merge_no"]) == (1, TRADES[number], MERGE)
    assert [(asked.merge_ref, asked.auxiliary) for asked in accounts.asked] == [(MERGE, False), (MERGE, True)]

    def start_both() -> list[DeviceCommand]:
        sent = [
            send_command(
                actor=system("test"),
                pile=Pile.objects.get(pk=pile.pk),
                kind="start",
                connector_no=number,
                params={"transaction_ref": TRADES[number], "balance_fen": 5_000, "merge_ref": MERGE},
            )
            for number in (1, 2)
        ]
        starts = [sock.expect(0xA4).fields for _ in sent]
        assert {(start["gun_no"], start["merge_no"]) for start in starts} == {("01", MERGE), ("02", MERGE)}
        return sent

    def say(number: int, ok: int, fail: str) -> None:
        gun = {"trade_no": TRADES[number], "gun_no": f"{number:02d}", "role": number - 1, "merge_no": MERGE}
        sock.send(0xA3, ok=ok, fail=fail, **gun)

    sent = start_both()
    say(1, 1, "00")
    say(2, 1, "00")
    assert [ended(command).state for command in sent] == ["accepted", "accepted"]
    sent = start_both()
    say(2, 0, "03")
    rows = [ended(command) for command in sent]
    assert [(row.state, row.reason) for row in rows] == [
        ("rejected", "other_gun_refused"),
        ("rejected", "pile_fault"),
    ]
