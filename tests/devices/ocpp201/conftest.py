"""A registered pile of OCPP 2.0.1 and a running gateway."""

from typing import Any

import pytest

from stations.models import Pile
from tests.devices.ocpp16.conftest import eventually, make_pile
from tests.devices.ocpp201.station import Station201

__all__ = ["eventually", "make_pile_201"]


def make_pile_201(**options: Any) -> Pile:
    return make_pile(protocol=Pile.Protocol.OCPP201, **options)


@pytest.fixture
def pile(transactional_db) -> Pile:
    return make_pile_201()


@pytest.fixture
def dial(live_gateway, pile):
    """Open connections of the pile (or of another code) that end with the test."""
    stations = []

    def open_station(code: str | None = None, **options: Any) -> Station201:
        station = Station201(live_gateway, code or pile.code, **options)
        stations.append(station)
        return station

    yield open_station
    for station in stations:
        station.close()


@pytest.fixture
def station(dial) -> Station201:
    """A booted station."""
    opened = dial()
    opened.boot()
    return opened
