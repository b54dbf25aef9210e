"""The overview's live line: who may listen, to what, and how often it speaks."""

import asyncio

import pytest
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.urls import path

from analytics import consumers
from analytics.consumers import BoardConsumer, groups_of
from kernel.runtime.dbpool import shutdown_database_pool
from tests import factories as f


@pytest.fixture(autouse=True)
def _return_connections():
    """The pool's threads give their database connections back, so that the test database can be dropped."""
    yield
    shutdown_database_pool()


application = URLRouter([path("ws/console/board/", BoardConsumer.as_asgi())])


def open_socket(user):
    socket = WebsocketCommunicator(application, "/ws/console/board/")
    socket.scope["user"] = user
    return socket


@pytest.mark.django_db
class TestGroups:
    def test_platform_staff_hear_everything(self):
        assert groups_of(f.make_staff()) == ["board.platform"]

    def test_operator_staff_hear_their_operator(self):
        operator = f.OperatorFactory()
        assert groups_of(f.make_staff(operator=operator)) == [f"board.operator.{operator.pk}"]

    def test_staff_of_one_station_hear_its_operator(self):
        site = f.make_site()
        staff = f.StaffFactory()
        f.StaffScopeFactory(staff=staff, kind="station", object_key=str(site.station.pk))
        assert groups_of(staff) == [f"board.operator.{site.operator.pk}"]

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
    def test_nobody_else_hears_anything(self, change):
        staff = f.make_staff()
        for name, value in change.items():
            setattr(staff, name, value)
        assert groups_of(staff) == []
        assert groups_of(AnonymousUser()) == []
        assert groups_of(f.StaffFactory()) == []


@pytest.mark.django_db(transaction=True)
async def test_anonymous_is_closed_with_4401():
    socket = open_socket(AnonymousUser())
    connected, _protocol = await socket.connect()
    assert connected
    closing = await socket.receive_output()
    assert (closing["type"], closing["code"]) == ("websocket.close", 4401)


@pytest.mark.feature("PIL-02")
@pytest.mark.django_db(transaction=True)
async def test_a_burst_is_told_once_a_second(monkeypatch):
    assert consumers.MIN_INTERVAL_S <= 1
    monkeypatch.setattr(consumers, "MIN_INTERVAL_S", 0.3)
    staff = await asyncio.to_thread(f.make_staff)
    socket = open_socket(staff)
    await socket.connect()
    assert await socket.receive_json_from() == {"type": "ready"}
    layer = get_channel_layer()
    for _n in range(50):
        await layer.group_send("board.platform", {"type": "board.dirty"})
    heard = 0
    loop = asyncio.get_running_loop()
    end = loop.time() + 1.0
    while loop.time() < end:
        if not await socket.receive_nothing(timeout=0.05, interval=0.01):
            assert await socket.receive_json_from() == {"type": "dirty"}
            heard += 1
    assert 1 <= heard <= 4
    await socket.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_another_operator_is_not_heard_and_nonsense_is_ignored():
    operator = await asyncio.to_thread(f.OperatorFactory)
    staff = await asyncio.to_thread(lambda: f.make_staff(operator=operator))
    socket = open_socket(staff)
    await socket.connect()
    assert await socket.receive_json_from() == {"type": "ready"}
    await socket.send_to(text_data="not json {{{")
    await socket.send_to(bytes_data=b"\x00\xff")
    layer = get_channel_layer()
    await layer.group_send("board.platform", {"type": "board.dirty"})
    await layer.group_send(f"board.operator.{operator.pk + 1}", {"type": "board.dirty"})
    assert await socket.receive_nothing(timeout=0.2)
    await layer.group_send(f"board.operator.{operator.pk}", {"type": "board.dirty"})
    assert await socket.receive_json_from() == {"type": "dirty"}
    await socket.disconnect()
