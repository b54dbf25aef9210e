"""A connection that never rests (lesson 16: a server that stops answering after enough meter values)."""

import statistics
import time

import pytest

from devices.models import MeterSample
from devices.protocols.ocppj import consumer
from tests.devices.ocpp16.station import at, register

MESSAGES = 10_000
WINDOW = 500


@pytest.mark.soak
def test_lesson_16_ten_thousand_meter_values_keep_the_answer_time_flat(dial, monkeypatch):
    monkeypatch.setattr(consumer, "MESSAGES_PER_S", 1_000_000)  # the guard against floods would set the pace
    station = dial()
    station.boot()
    number = station.start(0, when=at(-MESSAGES))
    took = []
    for second in range(MESSAGES):
        began = time.perf_counter()
        station.meter(number, register(str(second * 10)), when=at(second - MESSAGES))
        took.append(time.perf_counter() - began)
    assert MeterSample.objects.filter(transaction_ref=str(number), suspect="").count() == MESSAGES
    first, last = statistics.median(took[WINDOW : 2 * WINDOW]), statistics.median(took[-WINDOW:])
    print(f"median answer: {first * 1000:.2f} ms early, {last * 1000:.2f} ms late, worst {max(took):.3f} s")
    assert last < max(2 * first, 0.02)
    assert max(took) < 1
