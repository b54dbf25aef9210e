"""Answers to DNY commands on the wire, and the frames that only stay in the log (AP3000 device protocol V8.6 §3, §4)."""

import pytest

from devices.models import DeviceCommand, FrameLog
from devices.protocols.dny import codec
from devices.services.commands import send_command
from kernel.actor import system
from stations.models import Pile
from tests import factories
from tests.devices.dny.client import DnySocket
from tests.devices.gateway.test_ykc_listener import until

LOGGED = (
    0x05,
    0x17,
    0x43,
    0x44,
    0x83,
    0x84,
    0x86,
    0x88,
    0x8A,
    0x8D,
    0x90,
    0x91,
    0x96,
    0xE0,
    0xE1,
    0xE2,
    0xF8,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pile(transactional_db) -> Pile:
    return factories.make_site(protocol="dny", connectors=10, online=False, rated_power_kw="6.0").pile


@pytest.fixture
def sock(live_gateway, pile):
    with DnySocket(live_gateway.dny_port, pile.code) as sock:
        sock.register()
        yield sock


@pytest.mark.message("dny", "87 in", "87 out")
@pytest.mark.parametrize(
    ("result", "state", "reason"), [(0, "accepted", ""), (1, "rejected", "refused_by_pile")]
)
def test_a_reboot_is_answered_before_it_happens(sock, pile, result, state, reason):
    sent = send_command(actor=system("test"), pile=Pile.objects.get(pk=pile.pk), kind="reboot")
    assert sock.expect(0x87).fields == {}
    sock.send(0x87, message_id=sock.last_frame.message_id, result=result)
    row = until(lambda: DeviceCommand.objects.filter(pk=sent.pk, state=state).first())
    assert row.reason == reason


@pytest.mark.message("dny", "85 in", "85 out")
def test_limits_beyond_the_box_are_refused(sock, pile):
    sent = send_command(
        actor=system("test"),
        pile=Pile.objects.get(pk=pile.pk),
        kind="change_configuration",
        params={"max_time_s": 36_000, "overload_w": "5000"},
    )
    sock.expect(0x85)
    sock.send(0x85, message_id=sock.last_frame.message_id, result=1)
    row = until(lambda: DeviceCommand.objects.filter(pk=sent.pk, state="rejected").first())
    assert row.reason == "beyond_limits_of_box"


@pytest.mark.message("dny", "05", "17", "43", "44", "83 in", "84 in", "86 in", "88 in", "8A in", "8D in")
@pytest.mark.message("dny", "90 in", "91 in", "96 in", "E0 in", "E1 in", "E2 in", "F8 in")
def test_frames_that_nothing_follows_from_are_decoded_logged_and_never_answered(sock, pile):
    for command in LOGGED:
        sock.send_raw(codec.build_frame(pile.code, 7, command, bytes(96)))
    sock.beat()
    assert sock._inbox == []
    names = {f"{command:02X} {codec.FROM_DEVICE[command].name}" for command in LOGGED}
    rows = until(
        lambda: len(found := FrameLog.objects.filter(pile_id=pile.pk, name__in=names)) == len(names) and found
    )
    assert all(row.decoded and not row.error and row.direction == "in" for row in rows)
    assert not DeviceCommand.objects.exists()
