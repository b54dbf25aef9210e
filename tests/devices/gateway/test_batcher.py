"""Batches while the database is away: nothing is lost that nobody sends again, and the line stays bounded."""

import asyncio

import pytest
from django.db import OperationalError

from devices.gateway import batcher
from devices.gateway.batcher import Batcher


class Store:
    """A database that can be away and refuses `bad`."""

    def __init__(self):
        self.away = False
        self.rows: list = []

    async def __call__(self, items):
        await asyncio.sleep(0)
        if self.away:
            raise OperationalError("away")
        if "bad" in items:
            raise ValueError("bad")
        self.rows += items


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(batcher, "ASK_AGAIN_S", 0.01)
    monkeypatch.setattr(batcher, "RETRIES", 2)


async def test_an_outage_loses_nothing_and_keeps_the_order():
    store = Store()
    line = Batcher("test", store, largest=3)
    store.away = True
    for number in range(10):
        line.put(number)
    with pytest.raises(OperationalError):
        await line.add("asked for an answer")
    assert len(line) >= 7
    assert line.away_since is not None
    store.away = False
    await line.flush()
    assert store.rows == list(range(10))
    assert (line.dropped, line.away_since) == (0, None)


async def test_the_line_is_bounded_and_the_oldest_goes():
    store = Store()
    store.away = True
    line = Batcher("test", store, largest=2, limit=5)
    for number in range(12):
        line.put(number)
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    assert len(line) <= 5
    store.away = False
    await line.flush()
    assert store.rows == [7, 8, 9, 10, 11]
    assert line.dropped == 7


async def test_one_bad_item_costs_itself_only():
    store = Store()
    line = Batcher("test", store)
    line.put(1)
    line.put("bad")
    line.put(2)
    await line.flush()
    assert store.rows == [1, 2]
    assert line.dropped == 1


async def test_under_load_batches_gather_and_an_answer_is_not_kept_waiting():
    sizes = []

    async def store(items):
        sizes.append(len(items))
        await asyncio.sleep(0)

    line = Batcher("test", store, busy_linger_s=5.0, largest=300)
    for number in range(batcher.BUSY):
        line.put(number)
    await asyncio.sleep(0.01)
    for number in range(200):
        line.put(number)
        await asyncio.sleep(0)
    assert sizes == [batcher.BUSY], "the next batch waits for company"
    await asyncio.wait_for(line.add("asks"), 1)
    assert sizes == [batcher.BUSY, 201]
    for number in range(400):
        line.put(number)
    await asyncio.sleep(0.01)
    assert sizes[2:] == [300], "a full batch does not wait"
    line.put("alone")
    await asyncio.wait_for(line.flush(), 1)
    assert sizes[3:] == [101]
