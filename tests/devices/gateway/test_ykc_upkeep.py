"""Cards, power, locks, firmware and QR codes over a real socket (YKC V1.6 §6.8 to §6.11, §11)."""

from datetime import timedelta

import pytest

from devices import events
from devices.models import BayLock, DeviceCommand, LocalList
from devices.services import bay_locks, command_forms, commands, local_lists
from kernel import clock
from kernel.errors import DomainError
from stations.models import Connector
from tests import factories
from tests.devices.gateway.test_ykc_commands import K, ended
from tests.devices.gateway.test_ykc_listener import until
from tests.devices.ykc.client import YkcSocket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch):
    """What the floors above heard of locks, faults and firmware."""
    heard: list = []
    for kind in (
        events.BayLockReported,
        events.FirmwareStatusReported,
        events.FaultRaised,
        events.FaultCleared,
    ):
        monkeypatch.setitem(events._HANDLERS, kind, [*events._HANDLERS[kind], heard.append])
    return heard


@pytest.mark.message("ykc", "43", "44", "45", "46", "47", "48")
def test_card_lists_go_out_in_parts_with_a_result_per_card(sock, command, pile):
    physical = [f"{number:016X}" for number in range(1, 18)]
    rows = [{"logical_card": str(number), "physical_card": card} for number, card in enumerate(physical, 1)]

    sent = command(K.SYNC_CARDS, params={"cards": rows})
    first = sock.expect(0x44).fields
    assert (first["count"], first["cards"][0]) == (
        15,
        {"logical_card": "0000000000000001", "physical_card": physical[0]},
    )
    sock.send(0x43, ok=1, fail="00")
    assert sock.expect(0x44).fields["count"] == 2
    sock.send(0x43, ok=0, fail="02")
    row = ended(sent)
    assert (row.state, row.reason) == ("rejected", "card_space")
    assert row.result["cards"] == {card: card in physical[:15] for card in physical}

    sent = command(K.CLEAR_CARDS, params={"cards": physical[:2]})
    assert sock.expect(0x46).fields["cards"] == physical[:2]
    marks = [{"physical_card": physical[0], "mark": 1, "fail": "02"}]
    sock.send(0x45, cards=[*marks, {"physical_card": physical[1], "mark": 0, "fail": "01"}])
    row = ended(sent)
    assert (row.state, row.reason) == ("rejected", "cards_not_cleared")
    assert row.result["cards"] == {physical[0]: True, physical[1]: False}

    sent = command(K.QUERY_CARDS, params={"cards": physical})
    assert sock.expect(0x48).fields["count"] == 17
    sock.send(0x47, cards=[{"physical_card": card, "result": card == physical[3]} for card in physical])
    row = ended(sent)
    assert (row.state, [card for card, there in row.result["cards"].items() if there]) == (
        "accepted",
        [physical[3]],
    )

    assert list(LocalList.objects.get(pile=pile).entries) == [physical[3]], "what the pile says it holds"
    sent = command(K.QUERY_CARDS)
    assert sock.expect(0x48).fields["cards"] == [physical[3]]
    waiting = command(K.CLEAR_CARDS, params={"cards": ["AB"]})
    sock.send(0x45, cards=[])  # nobody waits for it yet
    sock.send(0x47, cards=[{"physical_card": physical[3], "result": 1}])
    assert ended(sent).state == "accepted"
    assert sock.expect(0x46).fields["cards"] == ["00000000000000AB"], "one command after the other"
    sock.send(0x45, cards=[{"physical_card": "00000000000000AB", "mark": 1, "fail": "00"}])
    assert ended(waiting).state == "accepted"

    row = ended(command(K.QUERY_CARDS, params={"cards": ["not a card number"]}))
    assert row.state == "failed" and row.reason


@pytest.mark.message("ykc", "43", "44", "45", "46")
def test_a_full_card_list_takes_away_what_is_not_in_it(sock, command, pile):
    """The words of card lists are the same for every protocol: tag and status."""
    actor = factories.system("test")
    row = ended(command(K.CLEAR_CARDS))
    assert row.state == "failed" and "no cards" in row.reason

    sent = local_lists.sync(actor=actor, pile=pile, cards=[{"tag": "A1"}, {"tag": "B2"}], full=True)
    numbers = [card["physical_card"] for card in sock.expect(0x44).fields["cards"]]
    assert numbers == ["00000000000000A1", "00000000000000B2"]
    sock.send(0x43, ok=1, fail="00")
    assert ended(sent).state == "accepted"
    held = LocalList.objects.get(pile=pile)
    assert (list(held.entries), held.version) == (numbers, 1)

    cards = [{"tag": "C3", "logical_card": "573"}, {"tag": "B2", "status": "blocked"}]
    sent = local_lists.sync(actor=actor, pile=pile, cards=cards, full=True)
    assert sock.expect(0x46).fields["cards"] == numbers[::-1]
    sock.send(0x45, cards=[{"physical_card": card, "mark": 1, "fail": "00"} for card in numbers])
    assert sock.expect(0x44).fields["cards"] == [
        {"physical_card": "00000000000000C3", "logical_card": "0000000000000573"}
    ]
    sock.send(0x43, ok=1, fail="00")
    row = ended(sent)
    assert (row.state, row.result["cards"]) == ("accepted", {"00000000000000C3": True})
    held.refresh_from_db()
    assert (list(held.entries), held.version) == (["00000000000000C3"], 2)

    sent = command(K.CLEAR_CARDS)
    sock.expect(0x46)
    sock.send(0x45, cards=[{"physical_card": "00000000000000C3", "mark": 1, "fail": "00"}])
    assert ended(sent).state == "accepted"
    held.refresh_from_db()
    assert held.entries == {}


def test_what_staff_fill_in_is_checked_before_it_is_sent():
    def clean(kind, **data):
        return command_forms.clean(kind=kind, protocol="ykc", data=data)

    assert clean(K.SET_POWER_LIMIT, power_pct="50") == {"power_pct": 50}
    assert clean(K.SET_POWER_LIMIT) == {}
    with pytest.raises(DomainError, match="30"):
        clean(K.SET_POWER_LIMIT, power_pct="20")
    assert clean(K.QUERY_CARDS, cards="A1\n\nB2 ") == {"cards": ["A1", "B2"]}
    assert clean(K.REBOOT) == {"hard": False}
    with pytest.raises(DomainError):
        clean(K.SET_QR_PREFIX)
    assert clean(K.SET_QR_PREFIX, prefix="https://ev.example/")["with_gun"] is True


@pytest.mark.message("ykc", "51", "52")
def test_power_limit_and_lock_leave_each_other_alone(sock, command, pile):
    for params, percent in [
        ({"power_pct": 50}, 50),
        ({"limit_kw": "44.9"}, 74),
        ({"limit_kw": 5}, 30),
        ({"limit_kw": 90}, 100),
        ({"limit_kw": 45}, 75),
    ]:
        sent = command(K.SET_POWER_LIMIT, params=params)
        fields = sock.expect(0x52).fields
        assert (fields["forbid"], fields["power_pct"]) == (0, percent)
        sock.send(0x51, ok=1)
        row = ended(sent)
        assert (row.state, row.result) == ("accepted", {"power_pct": percent})
    lock = command(K.SET_AVAILABILITY, params={"available": False})
    fields = sock.expect(0x52).fields
    assert (fields["forbid"], fields["power_pct"]) == (1, 75)
    type(pile).objects.filter(pk=pile.pk).update(in_service=False)
    limit = command(K.SET_POWER_LIMIT, params={"power_pct": 40})
    fields = sock.expect(0x52).fields
    assert (fields["forbid"], fields["power_pct"]) == (1, 40)
    sock.send(0x51, ok=1)
    assert ended(lock).state == "accepted", "the first answer is for what was sent first"
    assert DeviceCommand.objects.get(pk=limit.pk).state == "sent"
    sock.send(0x51, ok=0)
    assert ended(limit).state == "rejected"
    limit = command(K.SET_POWER_LIMIT, params={})
    assert sock.expect(0x52).fields["power_pct"] == 100, "no figure lifts the limit"
    sock.send(0x51, ok=1)
    assert ended(limit).state == "accepted"
    assert ended(command(K.SET_POWER_LIMIT, params={"limit_kw": "much"})).state == "failed"


def report_lock(sock, gun=1, *, lock="55", bay="00", battery=80, alarm="00"):
    sock.send(0x61, gun_no=gun, lock=lock, bay=bay, battery=battery, alarm=alarm)


@pytest.mark.message("ykc", "61", "62", "63")
def test_a_ground_lock_reports_moves_and_complains(sock, pile, told):
    report_lock(sock)
    lock = until(lambda: BayLock.objects.filter(pile=pile, connector_no=1).first())
    assert (lock.position, lock.occupied, lock.battery_pct, lock.alarm) == ("raised", False, 80, "")
    report_lock(sock, battery=79)
    report_lock(sock, gun=7)
    actor = factories.staff_actor("devices.move_bay_lock", operator=pile.operator)
    pile.refresh_from_db()
    sent = bay_locks.move_lock(actor=actor, pile=pile, connector_no=1, up=False, reason="guest")
    fields = sock.expect(0x62).fields
    assert (fields["gun_no"], fields["cmd"]) == (1, "FF")
    sock.send(0x63, gun_no=1, ok=1)
    assert ended(sent).state == "accepted"
    report_lock(sock, lock="FF", bay="FF")
    report_lock(sock, lock="00", bay="FF", alarm="FF")
    report_lock(sock, lock="FF", bay="FF")
    until(lambda: len(told) == 6)
    states = [(event.position, event.occupied) for event in told if isinstance(event, events.BayLockReported)]
    assert states == [("raised", False), ("lowered", True), ("between", True), ("lowered", True)]
    faults = [event for event in told if not isinstance(event, events.BayLockReported)]
    assert [type(event).__name__ for event in faults] == ["FaultRaised", "FaultCleared"]
    assert faults[0].code == "bay_lock_forced"
    assert not BayLock.objects.filter(connector_no=7).exists()
    sent = bay_locks.move_lock(actor=actor, pile=pile, connector_no=1, up=True, reason="gone")
    assert sock.expect(0x62).fields["cmd"] == "55"
    sock.send(0x63, gun_no=1, ok=0)
    assert ended(sent).state == "rejected"


@pytest.mark.message("ykc", "93", "94")
def test_firmware_is_fetched_by_ftp_and_its_end_may_come_late(sock, command, pile, told, live_gateway):
    location = "ftp://ev:s%40cret@10.1.2.3/fw/pile-2.4.bin"
    sent = command(K.UPDATE_FIRMWARE, params={"url": location, "download_min": 20}, reference="campaign-7")
    fields = sock.expect(0x94).fields
    assert (fields["host"], fields["port"], fields["user"], fields["password"], fields["path"]) == (
        "10.1.2.3",
        21,
        "ev",
        "s@cret",
        "/fw/pile-2.4.bin",
    )
    assert (fields["model"], fields["power"], fields["when"], fields["timeout"]) == (1, 60, 2, 20)
    sock.send(0x93, state=3)
    row = ended(sent)
    assert (row.state, row.reason) == ("rejected", "firmware_download_timeout")

    sent = command(K.UPDATE_FIRMWARE, params={"url": location, "hard": True}, reference="campaign-7")
    assert sock.expect(0x94).fields["when"] == 1
    sock.close()
    DeviceCommand.objects.filter(pk=sent.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    assert commands.expire_commands() == 1
    with YkcSocket(live_gateway.ykc_port, pile.code) as again:
        again.login(software="V2.4")
        again.send(0x93, state=0)
        until(lambda: len(told) == 2)
    assert [(event.status, event.request_id, event.reference) for event in told] == [
        ("download_failed", row.pk, "campaign-7"),
        ("installed", sent.pk, "campaign-7"),
    ]
    assert "late_answer" in DeviceCommand.objects.get(pk=sent.pk).result


@pytest.mark.message("ykc", "94")
@pytest.mark.parametrize(
    "location",
    [
        "http://10.1.2.3/fw.bin",
        "ftp://a-name-that-is-longer-than-sixteen.example/fw.bin",
        "ftp://10.1.2.3/" + "x" * 40,
    ],
)
def test_a_firmware_address_that_fits_no_frame_fails_with_its_reason(sock, command, location):
    row = ended(command(K.UPDATE_FIRMWARE, params={"url": location}))
    assert row.state == "failed"
    assert "ftp://" in row.reason or "16" in row.reason or "32" in row.reason
    command(K.UPDATE_FIRMWARE, params={"url": "ftp://10.1.2.3/fw.bin"})
    sock.expect(0x94)


@pytest.mark.message("ykc", "F0", "F1")
def test_the_qr_prefix_is_told_after_every_login_and_on_demand(
    live_gateway,
    site,
    settings,
    monkeypatch,
):
    from devices.protocols.ykc.handlers import access

    monkeypatch.setattr(access, "QR_PREFIX_AFTER_LOGIN_S", 0.02)
    settings.YKC_QR_PREFIX = "https://ev.example/q/"
    with YkcSocket(live_gateway.ykc_port, site.pile.code) as sock:
        sock.login()
        fields = sock.expect(0xF0).fields
        assert (fields["prefix"], fields["format"]) == ("https://ev.example/q/", 1)
        sock.send(0xF1, result=0)
        site.pile.refresh_from_db()
        sent = commands.send_command(
            actor=factories.system("test"),
            pile=site.pile,
            kind=K.SET_QR_PREFIX,
            params={"prefix": "https://other.example/", "with_gun": False},
        )
        fields = sock.expect(0xF0).fields
        assert (fields["prefix"], fields["format"]) == ("https://other.example/", 0)
        sock.send(0xF1, result=1)
        row = ended(sent)
        assert (row.state, row.result) == ("accepted", {"value": 1})
    assert Connector.objects.filter(pile=site.pile).exists()
