"""Live pushes leave after commit, together, and never break what they tell about."""

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from kernel import live

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
        await live._send_each([("order.7", {"type": "order.update", "order_no": "7"})])
        return await layer.receive(name)

    assert async_to_sync(join)() == {"type": "order.update", "order_no": "7"}
