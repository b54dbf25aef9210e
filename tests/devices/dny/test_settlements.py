"""Settlements of e-bike boxes over a real socket: stored first, answered after, once for ever."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from devices.models import TransactionRecord
from tests import factories
from tests.devices.dny.client import NO_ORDER, settlement
from tests.devices.dny.helpers import ORDER

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.message("dny", "03 in", "03 out")
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
