"""The frozen tariff: what it refuses, exact JSON, and how it fits a pile's price positions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import PricingError, TariffSnapshot, Tier, wire_mapping, wire_slots

from .samples import FOUR, D, tariff
from .strategies import snapshots


@given(snapshots())
def test_json_round_trip_is_exact(snapshot):
    stored = json.dumps(snapshot.to_json())
    assert TariffSnapshot.from_json(json.loads(stored)) == snapshot
    assert json.dumps(TariffSnapshot.from_json(json.loads(stored)).to_json()) == stored


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0.7, "not_a_decimal"),
        (1, "not_a_decimal"),
        ("0.7", "not_a_decimal"),
        (D("NaN"), "not_finite"),
        (D("Infinity"), "not_finite"),
        (D("0.123456"), "too_many_places"),
        (D("1E-999999"), "too_many_places"),
        (D("-0.00001"), "negative_price"),
        (D("10000"), "too_large"),
        (D("1E+999999"), "too_large"),
    ],
)
def test_a_price_that_is_not_one_is_refused(value, code):
    with pytest.raises(PricingError) as refused:
        Tier("peak", value, D("0.4"))
    assert refused.value.code == code
    assert refused.value.params["field"] == "peak.electricity_price"


def test_prices_are_kept_at_five_decimals():
    assert str(Tier("peak", D("0.7"), D("4E-1")).unit_price) == "1.10000"
    assert Tier("peak", D("0.700000000"), D("0.4")) == Tier("peak", D("0.7"), D("0.4"))


@pytest.mark.parametrize("code", ["", "Peak", "9a", "峰", "a" * 33, None, 'x"y'])
def test_a_tier_code_is_a_plain_word(code):
    with pytest.raises(PricingError, match="bad_tier_code"):
        Tier(code, D("1"), D("1"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slots": ("flat",) * 47}, "wrong_slot_count"),
        ({"slots": ("flat",) * 49}, "wrong_slot_count"),
        ({"slots": ("flat",) * 47 + ("night",)}, "unknown_slot_tier"),
        ({"tiers": ()}, "no_tiers"),
        ({"tiers": (FOUR.tiers[0], FOUR.tiers[0])}, "duplicate_tier"),
        ({"zone": "Asia/Nowhere"}, "unknown_zone"),
        ({"zone": "../etc/passwd"}, "unknown_zone"),
        ({"version_id": None}, "bad_snapshot"),
        ({"version_id": True}, "bad_snapshot"),
        ({"name": 5}, "bad_snapshot"),
    ],
)
def test_an_incomplete_tariff_is_refused(change, code):
    whole = {
        "version_id": 1,
        "code": "T",
        "name": "T",
        "zone": "Asia/Shanghai",
        "tiers": FOUR.tiers,
        "slots": FOUR.slots,
    }
    assert TariffSnapshot(**whole).slots == FOUR.slots
    with pytest.raises(PricingError) as refused:
        TariffSnapshot(**{**whole, **change})
    assert refused.value.code == code


def test_the_message_names_the_half_hour():
    with pytest.raises(PricingError) as refused:
        tariff({"flat": ("1", "1")}, ["flat"] * 21 + ["night"] + ["flat"] * 26)
    assert refused.value.params == {"tier": "night", "slot": "10:30"}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data.pop("slots"), "bad_snapshot"),
        (lambda data: data.update(tiers=None), "bad_snapshot"),
        (lambda data: data.update(tiers=["peak"]), "bad_snapshot"),
        (lambda data: data["tiers"][0].update(service_price=0.4), "not_a_decimal"),
        (lambda data: data["tiers"][0].update(service_price="four"), "not_a_decimal"),
        (lambda data: data["tiers"][0].update(service_price="NaN"), "not_finite"),
    ],
)
def test_damaged_json_is_refused(damage, code):
    data = FOUR.to_json()
    damage(data)
    with pytest.raises(PricingError) as refused:
        TariffSnapshot.from_json(data)
    assert refused.value.code == code


def test_the_usual_four_keep_their_positions_in_any_order():
    names = ["valley", "peak", "sharp", "flat"]
    snapshot = tariff(dict.fromkeys(names, ("1", "0")), (names * 12)[:48])
    assert wire_mapping(snapshot) == ("sharp", "peak", "flat", "valley")
    assert wire_slots(snapshot)[:4] == (3, 1, 0, 2)


def test_other_tiers_take_free_positions():
    snapshot = tariff(dict.fromkeys(["night", "peak"], ("1", "0")), ["night", "peak"] * 24)
    assert wire_mapping(snapshot) == ("night", "peak", None, None)
    assert wire_slots(snapshot)[:2] == (0, 1)


def test_an_unused_tier_gives_way_and_does_not_count():
    names = ["sharp", "peak", "flat", "valley", "deep_valley"]
    snapshot = tariff(dict.fromkeys(names, ("1", "0")), (names[1:] * 12)[:48])
    assert wire_mapping(snapshot) == ("deep_valley", "peak", "flat", "valley")
    assert wire_mapping(snapshot, 5) == tuple(names)


def test_five_used_tiers_do_not_fit_a_pile_with_four():
    names = ["sharp", "peak", "flat", "valley", "deep_valley"]
    snapshot = tariff(dict.fromkeys(names, ("1", "0")), (names * 10)[:48])
    with pytest.raises(PricingError) as refused:
        wire_mapping(snapshot)
    assert (refused.value.code, refused.value.params) == ("too_many_tiers", {"count": 5, "limit": 4})
    assert wire_mapping(snapshot, 5) == tuple(names)


@given(snapshots(), st.integers(1, 9))
def test_every_half_hour_reaches_its_tier_over_the_wire(snapshot, max_tiers):
    if len(snapshot.used_tiers()) > max_tiers:
        with pytest.raises(PricingError, match="too_many_tiers"):
            wire_slots(snapshot, max_tiers)
        return
    positions = wire_mapping(snapshot, max_tiers)
    assert len(positions) == max_tiers
    assert tuple(positions[value] for value in wire_slots(snapshot, max_tiers)) == snapshot.slots
