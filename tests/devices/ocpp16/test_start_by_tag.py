"""A card at the pile opens its order as the transaction begins, and `idTagInfo` says what was decided."""

import pytest

from devices import events
from devices.models import DeviceCommand, DeviceTransaction
from tests.devices.ocpp16.station import at

K = DeviceCommand.Kind


@pytest.fixture
def cards():
    """A floor that knows cards: tag -> refusal (empty: it may charge). Keeps what it was told, in order."""
    known, told = (
        {"GOOD": "", "FROZEN": "account_frozen", "LOST": "no_account", "OWES": "unsettled_record"},
        [],
    )

    def asked(event):
        told.append(event)
        if event.credential in known:
            return events.StartDecision(refusal=known[event.credential], order_no="N-1")
        return None

    handlers = {events.StartRequested: asked, events.ChargeStarted: told.append}
    for kind, handler in handlers.items():
        events._HANDLERS[kind].insert(0, handler)  # before the floor above, which knows none of these cards
    yield told
    for kind, handler in handlers.items():
        events._HANDLERS[kind].remove(handler)


def starts(told):
    return [event for event in told if isinstance(event, events.StartRequested)]


def test_a_start_by_card_opens_its_order_before_energy_flows(station, pile, cards, command):
    def start(tag, connector=1, when=None):
        payload = {"connectorId": connector, "idTag": tag, "meterStart": 0, "timestamp": when or at()}
        answer = station.call("StartTransaction", payload)
        return answer["transactionId"], answer["idTagInfo"]["status"]

    moment = at()
    number, status = start("GOOD", when=moment)
    assert status == "Accepted"
    asked, begun = cards
    assert isinstance(begun, events.ChargeStarted)
    assert (asked.method, asked.credential, asked.transaction_ref) == ("card", "GOOD", str(number))
    assert (asked.connector_no, asked.pile.id) == (1, pile.pk) and begun.transaction_ref == str(number)
    # The same start again is no second request, and gets the same answer.
    assert start("GOOD", when=moment) == (number, "Accepted")
    assert len(starts(cards)) == 1
    assert start("FROZEN", 2)[1] == "Blocked"
    assert start("LOST", 2)[1] == "Invalid"
    assert start("OWES", 2)[1] == "ConcurrentTx"
    # Nobody knows it: stored all the same, as invalid.
    number, status = start("NOBODY", 2)
    assert status == "Invalid" and DeviceTransaction.objects.get(pk=number).authorization == "invalid"
    assert len(starts(cards)) == 5
    # The tag of a start command is its order's, which was opened long before.
    sent = command(K.START, connector_no=1, params={"id_tag": "ORDER-7"})
    message_id, _action, _payload = station.expect_call()
    station.answer(message_id, {"status": "Accepted"})
    start("ORDER-7")
    assert len(starts(cards)) == 5 and sent.pk


def test_authorize_asks_about_the_tag_only(station, cards):
    assert station.call("Authorize", {"idTag": "GOOD"}) == {"idTagInfo": {"status": "Invalid"}}
    assert not cards
