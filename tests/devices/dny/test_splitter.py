"""Whatever a modem brings, good frames come out and nothing is lost, doubled or hoarded."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.protocols.dny.codec import MAX_HELD, Finding, Frame, Iccid, Link, Splitter, build_frame
from devices.protocols.dny.codec.frame import HEAD, MAGIC, MAX_LENGTH, MIN_LENGTH, checksum

from .strategies import frames, spoil, streams

ICCID = b"89860413161892009275"
BEAT = build_frame("04AB373B", 1, 0x21, b"\x98\x08\x02\x00\x00\x09\x05")
LONG = build_frame("05AB373B", 2, 0x06, bytes(range(200)))
HOST = build_frame("09D62684", 4, 0x11, b"\x65\x00\x01" + bytes(6) + ICCID + b"\x50\xd8\x01")


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
        if stream[start : start + 3] != MAGIC or start + HEAD > len(stream):
            return None
        length = int.from_bytes(stream[start + 3 : start + 5], "little")
        end = start + HEAD + length
        return end if MIN_LENGTH <= length <= MAX_LENGTH and end <= len(stream) else None

    def good(start):
        end = end_of(start)
        return end and checksum(stream[start : end - 2]) == int.from_bytes(stream[end - 2 : end], "little")

    found, at, in_step = [], 0, True
    while at < len(stream):
        if in_step and good(at):
            found.append(stream[at : end_of(at)])
            at = end_of(at)
            continue
        if in_step and stream[at : at + 4] == b"link":
            at += 4
            continue
        if in_step and Splitter().feed(stream[at : at + 20])[:1] == [
            Iccid(stream[at : at + 20].decode("latin-1").upper(), stream[at : at + 20])
        ]:
            at += 20
            continue
        fitting = [(end_of(start), start) for start in range(at, len(stream)) if good(start)]
        if not fitting:
            break
        at, start = min(fitting)
        found.append(stream[start:at])
    return found


@given(streams)
@settings(max_examples=300, deadline=None)
def test_frames_are_those_of_the_plain_model(stream):
    assert frames_in(split(stream)) == model(stream)


@given(streams, st.data())
@settings(max_examples=300, deadline=None)
def test_how_tcp_cuts_the_stream_changes_no_frame(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    whole = frames_in(split(stream))
    assert frames_in(split(stream, cuts)) == whole
    assert frames_in(split(stream, range(len(stream)))) == whole


@given(streams)
@settings(max_examples=300, deadline=None)
def test_every_byte_leaves_exactly_once(stream):
    assert b"".join(item.raw for item in split(stream)) == stream
    assert b"".join(item.raw for item in split(stream, range(len(stream)))) == stream


@given(st.lists(frames, min_size=1, max_size=20))
def test_good_frames_leave_as_soon_as_they_are_whole(raws):
    splitter = Splitter()
    for raw in raws:
        (frame,) = splitter.feed(raw)
        assert frame.raw == raw
        assert splitter.held == 0
    assert frames_in(Splitter().feed(b"".join(raws))) == raws


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_a_good_frame_behind_any_garbage_is_found(garbage):
    assert BEAT in frames_in(split(garbage + BEAT))


def test_the_words_of_the_modem_are_no_garbage():
    assert split(ICCID + BEAT + b"link" + b"linklink" + LONG) == [
        Iccid(ICCID.decode(), ICCID),
        *Splitter().feed(BEAT),
        Link(b"link"),
        Link(b"link"),
        Link(b"link"),
        *Splitter().feed(LONG),
    ]


def test_words_come_through_in_any_pieces_and_keep_the_step():
    stream = ICCID + b"link" + BEAT
    for size in range(1, 25):
        splitter = Splitter()
        found = [item for at in range(0, len(stream), size) for item in splitter.feed(stream[at : at + size])]
        assert [type(item) for item in found] == [Iccid, Link, Frame]
        assert splitter.in_step


def test_words_between_rubbish_are_still_heard():
    found = split(b"\r\n" + ICCID + b"\r\nlink\x00" + BEAT)
    assert [type(item) for item in found] == [Finding, Iccid, Finding, Link, Finding, Frame]


def test_an_iccid_inside_a_frame_is_not_taken_out_of_it():
    assert [type(item) for item in split(b"?" + HOST)] == [Finding, Frame]
    assert [type(item) for item in split(spoil(HOST) + BEAT)] == [Finding, Frame]


def test_the_same_sim_in_small_letters_is_one_sim():
    (item,) = Splitter().feed(b"898604d9162390005a1f")
    assert item.iccid == "898604D9162390005A1F"


@pytest.mark.parametrize("length", [MIN_LENGTH, MIN_LENGTH + 1, 255, 256])
def test_the_shortest_and_the_longest_frames_are_accepted(length):
    raw = build_frame("04AB373B", 1, 0x82, bytes(length - MIN_LENGTH))
    (frame,) = Splitter().feed(raw)
    assert frame.raw == raw


@pytest.mark.parametrize("length", [0, 8, 257, 0xFFFF])
def test_a_length_no_frame_can_have_holds_nothing_up(length):
    start = MAGIC + length.to_bytes(2, "little")
    found = Splitter().feed(start + BEAT)
    assert found == [Finding("garbage", start), *Splitter().feed(BEAT)]


def test_wrong_checksums_cost_those_frames_only():
    spoilt = spoil(LONG)
    found = split(BEAT + spoilt * 3 + BEAT + LONG)
    assert found[1:4] == [Finding("bad_checksum", spoilt)] * 3
    assert frames_in(found) == [BEAT, BEAT, LONG]


def test_a_truncated_frame_does_not_swallow_the_next_ones():
    splitter = Splitter()
    assert splitter.feed(LONG[:100]) == []
    found = splitter.feed(BEAT * 10)
    assert found[0] == Finding("bad_checksum", LONG[:100])
    assert frames_in(found + splitter.flush()) == [BEAT] * 10


def test_a_lying_length_waits_only_until_the_line_is_called_quiet():
    splitter = Splitter()
    assert splitter.feed(b"DNY\xff\x00" + BEAT) == []
    assert splitter.flush() == [Finding("truncated", b"DNY\xff\x00"), *Splitter().feed(BEAT)]
    assert splitter.in_step and splitter.held == 0
    assert frames_in(splitter.feed(LONG)) == [LONG]


def test_out_of_step_a_lying_length_does_not_even_wait():
    found = Splitter().feed(b"??DNY\xff\x00" + BEAT)
    assert frames_in(found) == [BEAT]


@pytest.mark.parametrize("rest", [LONG[:-1], b"D", b"DNY", b"lin", ICCID[:-1]])
def test_what_is_left_at_the_end_is_reported_as_truncated(rest):
    splitter = Splitter()
    splitter.feed(BEAT + rest)
    assert splitter.flush() == [Finding("truncated", rest)]
    assert Splitter().flush() == []


HOSTILE = {
    "random": random.Random(7).randbytes(60_000),
    "zeros": bytes(60_000),
    "magic": b"DNY" * 20_000,
    "longest frames everywhere": b"DNY\x00\x01" * 12_000,
    "shortest frames everywhere": b"DNY\x09\x00" * 12_000,
    "spoilt frames": spoil(LONG) * 280,
    "half frames": LONG[:100] * 600,
    "digits": b"8" * 60_000,
    "sim numbers without an end": b"89860413161892009" * 3_500,
    "link without k": b"lin" * 20_000,
}


@pytest.mark.parametrize("stream", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("chunk", [7, 1400, 60_000])
def test_never_ending_rubbish_is_passed_on_and_not_hoarded(stream, chunk):
    splitter = Splitter()
    out, most, began = 0, 0, time.process_time()
    for at in range(0, len(stream), chunk):
        out += sum(len(item.raw) for item in splitter.feed(stream[at : at + chunk]))
        most = max(most, splitter.held)
    assert most <= MAX_HELD
    assert out + splitter.held == len(stream)
    # A generous bound: it takes a fraction of this, while quadratic work would take minutes.
    assert time.process_time() - began < 5
    found = splitter.feed(BEAT) + splitter.flush()
    assert BEAT in frames_in(found)
