"""Figures of the gateway of this process for `/metrics`."""

from collections.abc import Iterator

from devices.gateway.buffers import running_buffers
from kernel.metrics import Gauge


def gateway_gauges() -> Iterator[Gauge]:
    """Piles held, frames, and how far storing them is behind; one set over all event loops of the process."""
    running = running_buffers()
    yield Gauge("ev_gateway_piles", "Piles held by this process", sum(len(one.held) for one in running))
    for direction, name in (("in", "frames_in"), ("out", "frames_out")):
        number = sum(getattr(one, name) for one in running)
        yield Gauge("ev_gateway_frames", "Frames since the start", number, {"direction": direction})
    yield Gauge(
        "ev_gateway_throttled_messages",
        "Messages that waited because their pile says too much",
        sum(one.throttled for one in running),
    )
    for name in ("frames", "samples"):
        batchers = [getattr(one, name) for one in running]
        labels = {"what": name}
        yield Gauge("ev_gateway_backlog", "Rows that wait to be stored", sum(map(len, batchers)), labels)
        yield Gauge(
            "ev_gateway_dropped_rows", "Rows that were lost", sum(one.dropped for one in batchers), labels
        )
