"""A registered OCPP pile and a running gateway."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel.actor import system
from stations.models import Pile
from tests.devices.ocpp16.station import PASSWORD, WAIT_S, Station
from tests.factories import StationFactory, add_pile


def make_pile(*, protocol: str = Pile.Protocol.OCPP16, **options: Any) -> Pile:
    pile = add_pile(options.pop("station", None) or StationFactory(), protocol=protocol, **options)
    Pile.objects.filter(pk=pile.pk).update(password=make_password(PASSWORD))
    pile.refresh_from_db()
    return pile


@pytest.fixture
def pile(transactional_db) -> Pile:
    return make_pile()


@pytest.fixture
def dial(live_gateway, pile):
    """Open connections of the pile (or of another code) that end with the test."""
    stations = []

    def open_station(code: str | None = None, **options: Any) -> Station:
        station = Station(live_gateway, code or pile.code, **options)
        stations.append(station)
        return station

    yield open_station
    for station in stations:
        station.close()


@pytest.fixture
def station(dial) -> Station:
    """A booted station."""
    opened = dial()
    opened.boot()
    return opened


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Wait until a condition holds; returns what it gave."""

    def wait(condition: Callable[[], Any], timeout: float = WAIT_S) -> Any:
        deadline = time.monotonic() + timeout
        while True:
            found = condition()
            if found:
                return found
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.02)

    return wait


@pytest.fixture
def command(pile):
    def send(kind: str, **options) -> DeviceCommand:
        pile.refresh_from_db()
        return send_command(actor=system("tests"), pile=pile, kind=kind, **options)

    return send


@pytest.fixture
def ended(eventually):
    def wait(command: DeviceCommand) -> DeviceCommand:
        return eventually(
            lambda: DeviceCommand.objects.filter(pk=command.pk).exclude(state__in=["queued", "sent"]).first()
        )

    return wait
