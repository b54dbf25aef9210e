"""Live pushes leave after commit, together, and never break what they tell about."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from kernel import live
from kernel.runtime.dbpool import in_database

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def listener():
    """A channel layer and the list of what it was given, in order."""
    sent = []

    class Layer:
        async def group_send(self, group, message):
            sent.append((group, message["type"]))

    return Layer(), sent


def test_pushes_leave_when_the_transaction_commits(monkeypatch, listener):
    layer, sent = listener
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
    with transaction.atomic():
        live.broadcast_all([("a", {"type": "one"}), ("b", {"type": "two"})])
        live.broadcast("a", "three")
        assert sent == []
    assert sent == [("a", "one"), ("b", "two"), ("a", "three")]


def test_pushes_of_a_transaction_that_failed_never_leave(monkeypatch, listener):
    layer, sent = listener
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
    with pytest.raises(RuntimeError), transaction.atomic():
        live.broadcast("a", "one")
        raise RuntimeError
    with live.muted():
        live.broadcast("a", "two")
    assert sent == []


def test_a_layer_that_fails_breaks_nothing(monkeypatch, caplog):
    class Broken:
        async def group_send(self, group, message):
            raise ConnectionError

    monkeypatch.setattr(live, "get_channel_layer", lambda: Broken())
    live.broadcast("order.1", "order.update", order_no="1")
    assert "push to order.1 failed" in caplog.text


def test_a_member_of_the_group_gets_the_message_whole():
    layer = get_channel_layer()

    async def join():
        name = await layer.new_channel()
        await layer.group_add("order.7", name)
        push = {"type": "order.update", "order_no": "7"}
        await live._send_each(
            [("order.6", {"type": "nobody"}), ("order.7", push), ("order.8", {"type": "no"})]
        )
        return await layer.receive(name)

    assert async_to_sync(join)() == {"type": "order.update", "order_no": "7"}


async def test_a_burst_is_told_first_and_last_and_other_messages_do_not_wait(monkeypatch, listener):
    layer, sent = listener
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(live, "SAME_AGAIN_AFTER_S", 0.1)
    for _ in range(50):
        await in_database(live.broadcast, "board", "dirty")
    await in_database(live.broadcast, "order", "update")
    await asyncio.sleep(0.02)
    assert ("board", "dirty") in sent and ("order", "update") in sent
    before = len(sent)
    await in_database(live.broadcast, "board", "dirty")
    await asyncio.sleep(0.15)
    assert sent[before:] == [("board", "dirty")]
    assert sent.count(("board", "dirty")) < 25
    await asyncio.sleep(0.15)
    assert len(sent) == before + 1


async def test_a_layer_that_hangs_holds_up_no_database_thread(monkeypatch):
    class Hanging:
        async def group_send(self, group, message):
            await asyncio.sleep(60)

    monkeypatch.setattr(live, "get_channel_layer", lambda: Hanging())
    async with asyncio.timeout(2):
        for number in range(20):
            await in_database(live.broadcast, f"order.{number}", "update")
