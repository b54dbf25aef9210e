"""Codes in words: every byte has one, and the groups are those of the protocol."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from devices.protocols.ykc.codec import LAYOUTS, words


def test_every_byte_has_a_stop_reason_and_named_ones_are_unique():
    assert set(words.STOP_REASONS) == set(range(256))
    catch_all = {"finished_other", "start_failed_other", "aborted_other", "stop_unknown"}
    named = [word.slug for word in words.STOP_REASONS.values() if word.slug not in catch_all]
    assert len(named) == len(set(named)) == 6 + 26 + 31
    for code, word in words.STOP_REASONS.items():
        assert word.code == code
        assert word.text.endswith(".")


@pytest.mark.parametrize(
    ("code", "slug", "category"),
    [
        (0x40, "stopped_by_app", "normal"),
        ("41", "soc_full", "normal"),
        ("45", "stopped_by_hand", "normal"),
        (0x46, "finished_other", "normal"),
        (0x49, "finished_other", "normal"),
        ("4A", "start_controller_fault", "start_failed"),
        ("4e", "start_low_balance", "start_failed"),
        (0x57, "start_insulation", "start_failed"),
        (0x58, "start_failed_other", "start_failed"),
        (0x64, "start_charger_not_ready", "start_failed"),
        (0x69, "start_failed_other", "start_failed"),
        (0x6A, "abort_system_lock", "aborted"),
        ("6E", "abort_balance_used_up", "aborted"),
        ("72", "abort_emergency_stop", "aborted"),
        (0x78, "aborted_other", "aborted"),
        (0x89, "abort_ccs_timeout", "aborted"),
        (0x8F, "aborted_other", "aborted"),
        (0x90, "stop_unknown", "unknown"),
        (0x00, "stop_unknown", "unknown"),
        (0xFF, "stop_unknown", "unknown"),
    ],
)
def test_stop_reasons(code, slug, category):
    word = words.stop_reason(code)
    assert (word.slug, word.category) == (slug, category)


def test_refusals():
    assert words.remote_start_failure("00").slug == "none"
    assert words.remote_start_failure("05").slug == "not_plugged"
    assert words.remote_start_failure("02").category == "start_failed"
    assert words.remote_start_failure(0xEE).slug == "unlisted"
    assert words.remote_stop_failure("02").slug == "not_charging"
    assert words.authorisation_failure("0B").slug == "cards_unsupported"
    assert words.AUTHORISATION_CODES["low_balance"] == 3
    for slug, code in words.AUTHORISATION_CODES.items():
        assert words.authorisation_failure(code).slug == slug


def test_fault_bits_count_from_the_least_significant():
    assert words.faults(0) == []
    assert [fault.slug for fault in words.faults(0b1_0000_0100_0001)] == [
        "emergency_stop",
        "meter_link",
        "door_open",
    ]
    assert [fault.bit for fault in words.faults(0xFFFF)] == list(range(1, 17))
    assert words.faults(1 << 13)[0].slug == "fault_bit_14"


def test_two_bit_flags_of_the_bms_frames():
    flags = words.bms_flags(0x1B, {"bits": "0000000001000800"})
    assert [(flag.slug, flag.value) for flag in flags] == [("brm", 1), ("bcl", 2)]
    assert [(flag.slug, flag.value) for flag in words.bms_flags(0x1B, {"bits": "0400000000000001"})] == [
        ("crm_aa", 1),
        ("bsd", 1),
    ]
    stopped = words.bms_flags(0x1D, {"reason": "01", "fault": "0080", "error": "08"})
    assert [(flag.slug, flag.value) for flag in stopped] == [
        ("soc_reached", 1),
        ("other_fault", 2),
        ("voltage", 2),
    ]
    by_pile = words.bms_flags(0x21, {"reason": "04", "fault": "0001", "error": "00"})
    assert [flag.slug for flag in by_pile] == ["by_hand", "emergency_stop"]
    battery = words.bms_flags(0x25, {"flags1": "02", "flags2": "10"})
    assert [(flag.slug, flag.value) for flag in battery] == [("cell_voltage", 2), ("charging_permitted", 1)]
    assert words.bms_flags(0x13, {}) == []


def test_every_sentence_is_marked_for_translation():
    source = Path(words.__file__)
    marked = {
        node.args[0].value
        for path in [source, *(source.parent / "layouts").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "gettext_noop"
    }
    shown = {word.text for word in words.STOP_REASONS.values()} | {
        fault.text for fault in words.faults(0xFFFF)
    }
    for look_up in (words.remote_start_failure, words.remote_stop_failure, words.authorisation_failure):
        shown |= {look_up(code).text for code in range(256)}
    every_bit = {
        "bits": "FF" * 8,
        "reason": "FF",
        "fault": "FFFF",
        "error": "FF",
        "flags1": "FF",
        "flags2": "FF",
    }
    shown |= {flag.text for type in (0x1B, 0x1D, 0x21, 0x25) for flag in words.bms_flags(type, every_bit)}
    shown |= {layout.title for layout in LAYOUTS.values()}
    assert shown <= marked
