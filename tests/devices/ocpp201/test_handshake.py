"""One address for every version: the pile's registered protocol chooses, the station must offer it."""

import pytest
from websockets.exceptions import InvalidStatus

from devices.models import PileSession, UnknownPile
from tests.devices.ocpp16.conftest import make_pile
from tests.devices.ocpp16.station import Station
from tests.devices.ocpp201.station import Station201


def refused(dial, *args, **options) -> int:
    with pytest.raises(InvalidStatus) as caught:
        dial(*args, **options)
    return caught.value.response.status_code


@pytest.mark.parametrize("offered", [["ocpp2.0.1"], ["ocpp1.6", "ocpp2.0.1"], ["ocpp2.0.1", "ocpp1.6"]])
def test_a_station_speaks_the_version_its_pile_is_registered_with(live_gateway, dial, pile, offered):
    new = dial(subprotocols=offered)
    assert new.socket.subprotocol == "ocpp2.0.1"
    new.boot()
    if "ocpp1.6" in offered:
        old = Station(live_gateway, make_pile().code, subprotocols=offered)
        assert old.socket.subprotocol == "ocpp1.6"
        old.boot()
        old.close()


@pytest.mark.parametrize("offered", [["ocpp1.6"], ["ocpp2.0"], ["mqtt"]])
def test_a_station_that_does_not_offer_it_is_hung_up_on(dial, pile, offered):
    assert refused(dial, subprotocols=None) == 400
    station = dial(subprotocols=offered)
    assert station.closed() == (1002, "subprotocol ocpp2.0.1 is required")
    assert not PileSession.objects.exists()


def test_a_pile_of_the_older_version_is_not_served_in_the_newer(live_gateway, transactional_db):
    station = Station201(live_gateway, make_pile().code)
    assert station.closed() == (1002, "subprotocol ocpp1.6 is required")
    station.close()


@pytest.mark.promise(8)
@pytest.mark.parametrize(
    ("offered", "protocol"),
    [
        (["ocpp2.0.1"], "ocpp201"),
        (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "ocpp201"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp16"),
        (None, "ocpp16"),
    ],
)
def test_an_unknown_pile_is_listed_with_the_version_it_prefers(dial, offered, protocol):
    assert refused(dial, "CP-NEW", subprotocols=offered) == 404
    row = UnknownPile.objects.get()
    assert (row.protocol, row.reason, row.login["subprotocols"]) == (protocol, "unknown", offered or [])


@pytest.mark.promise(8)
def test_a_wrong_password_is_refused_and_listed(dial, pile):
    assert refused(dial, password="not-the-right-one") == 401
    row = UnknownPile.objects.get()
    assert (row.code, row.protocol, row.reason) == (pile.code, "ocpp201", "bad_password")
