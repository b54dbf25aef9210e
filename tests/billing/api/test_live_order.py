"""The live order over a WebSocket: who may listen, what comes, how often."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.utils import timezone

from billing.api import live
from billing.models import ChargingOrder
from billing.routing import websocket_urlpatterns
from billing.services import orders
from devices.models import DeviceCommand
from devices.services import commands
from kernel.actor import system
from kernel.live import broadcast
from kernel.runtime.dbpool import shutdown_database_pool
from tests.factories import make_driver, make_site
from users.models import DriverToken
from users.services import tokens

pytestmark = pytest.mark.django_db(transaction=True)
APPLICATION = URLRouter(websocket_urlpatterns)


@pytest.fixture(autouse=True)
def _no_threads_left():
    yield
    shutdown_database_pool()


@pytest.fixture
def started():
    site = make_site()
    order = orders.start_order(
        actor=site.driver_actor, connector_code=site.connector.code, driver=site.driver
    )
    token = tokens.issue_token(actor=system("tests"), driver=site.driver)
    return site, order, token


def socket(order_no, token, **kwargs):
    return WebsocketCommunicator(APPLICATION, f"/ws/driver/orders/{order_no}/?token={token}", **kwargs)


async def closed_with(communicator) -> int:
    connected, _protocol = await communicator.connect()
    assert connected
    message = await communicator.receive_output(5)
    assert message["type"] == "websocket.close", message
    return message["code"]


@pytest.mark.feature("ORD-08")
async def test_the_order_comes_at_once_and_after_every_change(started):
    _site, order, token = started
    communicator = socket(order.order_no, token)
    await communicator.connect()
    first = await communicator.receive_json_from(5)
    assert (first["order_no"], first["state"]) == (order.order_no, "starting")

    command = await DeviceCommand.objects.aget(reference=order.order_no)
    await sync_to_async(commands.complete_command)(command_id=command.pk, state="rejected", reason="busy")
    last = await communicator.receive_json_from(5)
    assert (last["state"], last["stop_reason"]) == ("closed", "busy")
    assert (await communicator.receive_output(5))["code"] == 1000


async def test_many_changes_in_a_second_are_one_message(started):
    _site, order, token = started
    communicator = socket(order.order_no, token)
    await communicator.connect()
    await communicator.receive_json_from(5)
    await asyncio.sleep(0.3)
    for energy in range(1, 21):
        await ChargingOrder.objects.filter(pk=order.pk).aupdate(energy_kwh=energy)
        await sync_to_async(broadcast)(f"order.{order.order_no}", "order.update", order_no=order.order_no)
    messages = []
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - began < 2.5:
        if not await communicator.receive_nothing(0.1, 0.02):
            messages.append(await communicator.receive_json_from(1))
    assert messages[-1]["energy_kwh"] == "20.0000"
    assert len(messages) <= 3
    await communicator.disconnect()


async def test_a_push_that_was_lost_is_made_good(started, monkeypatch):
    monkeypatch.setattr(live, "REREAD_S", 0.2)
    _site, order, token = started
    communicator = socket(order.order_no, token)
    await communicator.connect()
    await communicator.receive_json_from(5)
    await ChargingOrder.objects.filter(pk=order.pk).aupdate(energy_kwh=3)
    assert (await communicator.receive_json_from(5))["energy_kwh"] == "3.0000"
    await communicator.disconnect()


@pytest.mark.parametrize("token", ["", "nonsense", "evd_x"])
async def test_a_bad_token_is_closed_with_4401(started, token):
    _site, order, _token = started
    assert await closed_with(socket(order.order_no, token)) == 4401


async def test_an_expired_token_is_closed_with_4401(started):
    _site, order, token = started
    await DriverToken.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    assert await closed_with(socket(order.order_no, token)) == 4401


@pytest.mark.promise(9)
async def test_a_foreign_order_is_closed_with_4404(started):
    _site, order, _token = started
    stranger = await sync_to_async(make_driver)()
    token = await sync_to_async(tokens.issue_token)(actor=system("tests"), driver=stranger)
    assert await closed_with(socket(order.order_no, token)) == 4404
    for order_no in ("nowhere", "%00", "a%20b", "9" * 500):
        assert await closed_with(socket(order_no, token)) == 4404


async def test_a_revoked_token_ends_the_stream(started, monkeypatch):
    monkeypatch.setattr(live, "REREAD_S", 0.2)
    _site, order, token = started
    communicator = socket(order.order_no, token)
    await communicator.connect()
    await communicator.receive_json_from(5)
    await DriverToken.objects.aupdate(revoked_at=timezone.now())
    assert (await communicator.receive_output(5))["code"] == 4401


async def test_the_token_may_come_as_a_subprotocol(started):
    _site, order, token = started
    communicator = WebsocketCommunicator(
        APPLICATION, f"/ws/driver/orders/{order.order_no}/", subprotocols=["ev.bearer", token]
    )
    assert await communicator.connect() == (True, "ev.bearer")
    assert (await communicator.receive_json_from(5))["order_no"] == order.order_no
    await communicator.disconnect()


async def test_words_follow_the_header_and_noise_is_ignored(started):
    _site, order, token = started
    headers = [(b"accept-language", b"en;q=0.9,zh")]
    communicator = socket(order.order_no, token, headers=headers)
    await communicator.connect()
    assert (await communicator.receive_json_from(5))["state_text"] == "Starting"
    await communicator.send_to(text_data="{nonsense")
    await communicator.send_to(bytes_data=b"\x00\xff")
    assert await communicator.receive_nothing(0.3)
    await communicator.disconnect()
