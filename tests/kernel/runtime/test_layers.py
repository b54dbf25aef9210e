"""The in-memory layer between threads: a sleeping loop wakes up, nothing is lost, a full channel is bounded."""

import asyncio
import threading
import time

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer

from kernel.runtime.layers import ThreadSafeInMemoryChannelLayer

pytestmark = pytest.mark.embedded_only


def _send_from_a_thread(layer, target: str, *, group: bool = False, count: int = 1) -> list[Exception]:
    errors: list[Exception] = []

    def work() -> None:
        send = async_to_sync(layer.group_send if group else layer.send)
        try:
            for number in range(count):
                send(target, {"type": "wake", "number": number})
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return errors


async def _receive_while_idle(layer) -> tuple[float, list[Exception]]:
    """Seconds from a send in another thread to its arrival in a loop that does nothing else."""
    waiting = asyncio.ensure_future(layer.receive("pile"))
    await asyncio.sleep(0.05)
    sent_at: list[float] = []
    errors: list[Exception] = []

    def work() -> None:
        time.sleep(0.05)  # let the loop fall asleep
        sent_at.append(time.monotonic())
        errors.extend(_send_from_a_thread(layer, "pile"))

    thread = threading.Thread(target=work)
    thread.start()
    await asyncio.wait([waiting], timeout=1.5)
    took = time.monotonic() - sent_at[0]
    waiting._log_destroy_pending = False
    waiting.cancel()
    thread.join()
    return took, errors


def _measure(layer, *, debug: bool) -> tuple[float, list[Exception]]:
    """Not `asyncio.run`: the stock layer leaves a receiver that can never be cancelled."""
    loop = asyncio.new_event_loop()
    loop.set_debug(debug)
    try:
        return loop.run_until_complete(_receive_while_idle(layer))
    finally:
        loop.close()


def test_the_stock_layer_refuses_or_sleeps_on():
    """The fault: Channels' own layer touches another thread's loop."""
    _took, errors = _measure(InMemoryChannelLayer(), debug=True)
    assert isinstance(errors[0], RuntimeError)
    took, _errors = _measure(InMemoryChannelLayer(), debug=False)
    assert took > 1.0


@pytest.mark.parametrize("debug", [False, True])
def test_a_message_from_another_thread_wakes_a_sleeping_loop(debug):
    took, errors = _measure(ThreadSafeInMemoryChannelLayer(), debug=debug)
    assert errors == []
    assert took < 0.3


async def test_pushes_from_a_thread_reach_200_listeners():
    layer = ThreadSafeInMemoryChannelLayer()
    received = [0] * 200

    async def listen(number: int, channel: str) -> None:
        while received[number] < 12:
            await layer.receive(channel)
            received[number] += 1

    listeners = []
    for number in range(200):
        channel = await layer.new_channel()
        await layer.group_add("dashboard", channel)
        listeners.append(asyncio.create_task(listen(number, channel)))
    errors = await asyncio.to_thread(_send_from_a_thread, layer, "dashboard", group=True, count=12)
    await asyncio.wait_for(asyncio.gather(*listeners), 5)
    assert errors == []
    assert sum(received) == 2400
    assert layer.dropped == 0


async def test_order_is_kept_and_messages_are_copies():
    layer = ThreadSafeInMemoryChannelLayer()
    message = {"type": "x", "list": [1]}
    await layer.send("pile", message)
    message["list"].append(2)
    await layer.send("pile", message)
    assert [(await layer.receive("pile"))["list"] for _ in range(2)] == [[1], [1, 2]]


async def test_a_cancelled_receiver_loses_no_message():
    layer = ThreadSafeInMemoryChannelLayer()
    first = asyncio.create_task(layer.receive("pile"))
    second = asyncio.create_task(layer.receive("pile"))
    await asyncio.sleep(0)
    await layer.send("pile", {"type": "x"})
    first.cancel()
    assert await asyncio.wait_for(second, 1) == {"type": "x"}
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_full_channel_refuses_one_sender_and_is_counted_for_a_group():
    layer = ThreadSafeInMemoryChannelLayer(capacity=2)
    await layer.group_add("all", "slow")
    await layer.group_add("all", "quick")
    for _ in range(3):
        await layer.group_send("all", {"type": "x"})
        assert await layer.receive("quick") == {"type": "x"}
    assert layer.dropped == 1
    with pytest.raises(ChannelFull):
        await layer.send("slow", {"type": "x"})


async def test_expired_messages_and_their_members_go(monkeypatch):
    layer = ThreadSafeInMemoryChannelLayer(expiry=1)
    await layer.group_add("all", "dead")
    await layer.group_send("all", {"type": "x"})
    clock, monotonic = time.time(), time.monotonic()
    monkeypatch.setattr("kernel.runtime.layers.time.time", lambda: clock + 10)
    monkeypatch.setattr("kernel.runtime.layers.time.monotonic", lambda: monotonic + 10)
    await layer.group_send("all", {"type": "y"})
    assert layer._groups == {}
    assert layer._mailboxes == {}


def test_receivers_of_a_closed_loop_are_forgotten():
    layer = ThreadSafeInMemoryChannelLayer()
    loop = asyncio.new_event_loop()
    task = loop.create_task(layer.receive("pile"))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    async def again() -> dict:
        receiver = asyncio.create_task(layer.receive("pile"))
        await asyncio.sleep(0)
        await layer.send("pile", {"type": "x"})
        return await asyncio.wait_for(receiver, 1)

    assert asyncio.run(again()) == {"type": "x"}
    task._log_destroy_pending = False


async def test_names_are_checked_like_channels_does():
    layer = ThreadSafeInMemoryChannelLayer()
    for call in (layer.send("bad name", {}), layer.group_send("bad name", {}), layer.receive("bad name")):
        with pytest.raises(TypeError):
            await call
