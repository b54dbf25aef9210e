"""Whatever a socket brings, good frames come out and nothing is lost, doubled or hoarded."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.protocols.ykc.codec import MAX_HELD, Finding, Frame, Splitter, build_frame
from devices.protocols.ykc.codec.frame import crc_order_of

from .strategies import good, spoil_crc, streams, swap_crc

HEARTBEAT = build_frame(0x03, bytes.fromhex("320106000192360100"), b"\x07\x00")
LIVE = build_frame(0x13, bytes(range(60)), b"\x08\x00")


def split(stream: bytes, cuts=()):
    splitter = Splitter()
    found, at = [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += splitter.feed(stream[at:cut])
        at = cut
    found += splitter.flush()
    assert splitter.held == 0
    return found


def frames_in(found):
    return [item.raw for item in found if isinstance(item, Frame)]


def model(stream: bytes) -> list[bytes]:
    """The rules of the splitter, spelled out without regard to cost."""

    def end_of(start):
        length = stream[start + 1] if start + 1 < len(stream) else 0
        end = start + length + 4
        return end if stream[start] == 0x68 and length >= 4 and end <= len(stream) else None

    frames, at = [], 0
    while at < len(stream):
        end = end_of(at)
        if end and crc_order_of(stream[at:end]):
            frames.append(stream[at:end])
            at = end
            continue
        fitting = [
            (end_of(start), start)
            for start in range(at, len(stream))
            if end_of(start) and crc_order_of(stream[start : end_of(start)])
        ]
        if not fitting:
            break
        end, start = min(fitting)
        frames.append(stream[start:end])
        at = end
    return frames


@given(streams)
@settings(max_examples=300, deadline=None)
def test_frames_are_those_of_the_plain_model(stream):
    assert frames_in(split(stream)) == model(stream)


@given(streams, st.data())
@settings(max_examples=300, deadline=None)
def test_how_tcp_cuts_the_stream_changes_nothing(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    whole = split(stream)
    assert split(stream, cuts) == whole
    assert split(stream, range(len(stream))) == whole


@given(streams)
@settings(max_examples=200, deadline=None)
def test_every_byte_leaves_exactly_once(stream):
    assert b"".join(item.raw for item in split(stream)) == stream


@given(st.lists(good, min_size=1, max_size=20))
def test_good_frames_leave_as_soon_as_they_are_whole(frames):
    splitter = Splitter()
    for raw in frames:
        (frame,) = splitter.feed(raw)
        assert frame.raw == raw
        assert splitter.held == 0
    assert frames_in(Splitter().feed(b"".join(frames))) == frames


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_a_good_frame_behind_any_garbage_is_found(garbage):
    frames = frames_in(split(garbage + HEARTBEAT))
    by_chance = [raw for raw in frames if raw != HEARTBEAT]  # random bytes may hold a fitting checksum
    assert by_chance or frames == [HEARTBEAT]


@pytest.mark.parametrize("length", range(4, 256))
def test_every_length_byte_is_accepted_in_both_orders(length):
    raw = build_frame(0x77, bytes(length - 4))
    low, high = Splitter().feed(raw + swap_crc(raw))
    assert (low.raw, low.crc_order) == (raw, "low")
    assert high.body == low.body == bytes(length - 4)
    assert high.crc_order == "high" or raw[-1] == raw[-2]


@pytest.mark.parametrize("length", range(4))
def test_a_length_byte_below_four_is_garbage(length):
    start = bytes((0x68, length))
    assert Splitter().feed(start + HEARTBEAT)[:1] == [Finding("garbage", start)]
    assert frames_in(Splitter().feed(start + HEARTBEAT)) == [HEARTBEAT]


def test_a_wrong_checksum_costs_that_frame_only():
    spoilt = spoil_crc(LIVE)
    found = Splitter().feed(HEARTBEAT + spoilt + HEARTBEAT + LIVE)
    assert found[1] == Finding("bad_crc", spoilt)
    assert frames_in(found) == [HEARTBEAT, HEARTBEAT, LIVE]


def test_wrong_checksums_in_a_row_are_told_apart():
    spoilt = spoil_crc(LIVE)
    found = split(spoilt * 3 + HEARTBEAT)
    assert found[:3] == [Finding("bad_crc", spoilt)] * 3
    assert frames_in(found) == [HEARTBEAT]


def test_a_start_byte_inside_a_spoilt_frame_does_not_hold_up_the_next_frame():
    spoilt = spoil_crc(build_frame(0x13, bytes(50) + b"\x68\xff" + bytes(8)))
    found = Splitter().feed(spoilt + HEARTBEAT)
    assert found[0] == Finding("bad_crc", spoilt)
    assert frames_in(found) == [HEARTBEAT]


def test_a_truncated_frame_does_not_swallow_the_next_ones():
    splitter = Splitter()
    assert splitter.feed(LIVE[:40]) == []
    assert splitter.feed(HEARTBEAT) == []
    found = splitter.feed(HEARTBEAT)
    assert found[0] == Finding("bad_crc", LIVE[:40])
    assert frames_in(found) == [HEARTBEAT, HEARTBEAT]


def test_a_lying_length_waits_only_until_the_line_is_called_quiet():
    splitter = Splitter()
    assert splitter.feed(b"\x68\xff" + HEARTBEAT) == []
    assert splitter.held == 2 + len(HEARTBEAT)
    found = splitter.flush()
    assert found[0] == Finding("garbage", b"\x68\xff")
    assert frames_in(found) == [HEARTBEAT]
    assert splitter.in_step and splitter.held == 0
    assert frames_in(splitter.feed(LIVE)) == [LIVE]


def test_what_is_left_at_the_end_is_reported_as_truncated():
    splitter = Splitter()
    splitter.feed(LIVE + LIVE[:-1])
    assert splitter.flush() == [Finding("truncated", LIVE[:-1])]
    assert Splitter().flush() == []


def test_plain_text_on_the_port_is_garbage_and_a_frame_after_it_is_found():
    found = split(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + HEARTBEAT)
    assert [item.reason for item in found if isinstance(item, Finding)] == ["garbage"]
    assert frames_in(found) == [HEARTBEAT]


HOSTILE = {
    "random": random.Random(7).randbytes(60_000),
    "zeros": bytes(60_000),
    "start bytes": b"\x68" * 60_000,
    "longest frames everywhere": b"\x68\xff" * 30_000,
    "shortest frames everywhere": b"\x68\x04" * 30_000,
    "headers": b"\x68\xff\x00\x00\x00" * 12_000,
    "spoilt frames": spoil_crc(LIVE) * 900,
    "half frames": LIVE[:34] * 1_800,
}


@pytest.mark.parametrize("stream", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("chunk", [7, 1400])
def test_never_ending_rubbish_is_passed_on_and_not_hoarded(stream, chunk):
    splitter = Splitter()
    out, most, began = 0, 0, time.process_time()
    for at in range(0, len(stream), chunk):
        out += sum(len(item.raw) for item in splitter.feed(stream[at : at + chunk]))
        most = max(most, splitter.held)
        assert at + chunk - out <= MAX_HELD + chunk
    assert most <= MAX_HELD
    assert out + splitter.held == len(stream)
    # A generous bound: it takes a tenth of this, while quadratic work would take minutes.
    assert time.process_time() - began < 5
    found = splitter.feed(HEARTBEAT) + splitter.flush()
    assert HEARTBEAT in frames_in(found)


@pytest.mark.parametrize("stream", HOSTILE.values(), ids=HOSTILE)
def test_findings_of_rubbish_do_not_depend_on_the_cuts_either(stream):
    stream = stream[:5_000]
    assert split(stream, range(0, len(stream), 13)) == split(stream)
