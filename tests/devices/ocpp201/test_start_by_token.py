"""A card at a station of OCPP 2.0.1 opens its order with the event that names it first."""

from devices import events
from devices.models import DeviceTransaction
from tests.devices.ocpp16.test_start_by_tag import cards, starts
from tests.devices.ocpp201.station import sampled

__all__ = ["cards"]


def test_a_start_by_token_opens_its_order_before_energy_flows(station, pile, cards):
    answer = station.transaction("Started", "tx-1", sampled(0), tag="GOOD", charging="Charging")
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    asked, begun = cards
    assert (asked.method, asked.credential, asked.transaction_ref) == ("card", "GOOD", "tx-1")
    assert isinstance(begun, events.ChargeStarted) and begun.transaction_ref == "tx-1"
    again = station.transaction("Updated", "tx-1", sampled(10), tag="GOOD", charging="Charging")
    assert again == {"idTokenInfo": {"status": "Accepted"}} and len(starts(cards)) == 1
    # Plugged first, the card comes later: it is asked for when it is named.
    assert station.transaction("Started", "tx-2", sampled(0), evse=2, charging="EVConnected") == {}
    assert len(starts(cards)) == 1
    frozen = station.transaction("Updated", "tx-2", sampled(1), tag="FROZEN", evse=2)
    assert frozen == {"idTokenInfo": {"status": "Blocked"}}
    assert station.transaction("Updated", "tx-2", sampled(1), tag="GOOD", evse=2)["idTokenInfo"] == {
        "status": "Accepted"
    }
    assert [event.credential for event in starts(cards)] == ["GOOD", "FROZEN", "GOOD"]
    row = DeviceTransaction.objects.get(station_ref="tx-2")
    assert (row.id_tag, row.authorization) == ("GOOD", "accepted")
    station.end("tx-2", 5)
    # An end alone claims nobody's card.
    station.end("tx-3", 5, tag="GOOD", evse=1)
    assert len(starts(cards)) == 3
