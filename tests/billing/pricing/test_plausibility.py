"""The gate before pricing: each rule at its edge, and that a device's nonsense never raises."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import NOTE, REVIEW, Finding, PricingError, check_record, needs_review, price, words

from .samples import FOUR, D, at

START = at("2026-11-20 10:12")
END = at("2026-11-20 10:52")
ENERGIES = {"peak": D("12.3456"), "flat": D("3.0001")}
GOOD = {
    "snapshot": FOUR,
    "energy_kwh": D("15.3457"),
    "started_at": START,
    "ended_at": END,
    "rated_power_kw": D("60"),
    "energy_by_tier": ENERGIES,
    "meter_start": D("100"),
    "meter_end": D("115.3457"),
    "device_unit_prices": {"sharp": D("0"), "peak": D("1.4"), "flat": D("1.1"), "valley": D("0.7")},
    "device_amount_by_tier": {"sharp": D("0"), "peak": D("17.2838"), "flat": D("3.3001"), "valley": D("0")},
    "device_amount": D("20.5839"),
    "session_started_at": START - timedelta(seconds=5),
    "session_ended_at": END + timedelta(seconds=5),
    "received_at": END + timedelta(seconds=9),
    "telemetry_kwh": D("15.2"),
    "last_sample_at": END - timedelta(seconds=15),
}  # fmt: skip


def findings(**changes):
    return check_record(**{**GOOD, **changes})


def codes(**changes):
    return [finding.code for finding in findings(**changes)]


def test_a_sound_record_passes():
    assert findings() == []
    assert needs_review(findings()) is False


def test_only_the_evidence_that_exists_is_judged():
    needed = ("snapshot", "energy_kwh", "started_at", "ended_at", "rated_power_kw")
    assert check_record(**{name: GOOD[name] for name in needed}) == []


@pytest.mark.promise(4)
def test_energy_above_rated_power_times_time_waits_for_a_person():
    # 40 minutes at 20 kW: 20 × 2/3 × 1.1 + 0.1 = 14.7666 kWh
    assert "energy_above_power" in codes(rated_power_kw=D("20"))
    (found,) = check_record(
        snapshot=FOUR, energy_kwh=D("910"), started_at=START, ended_at=END, rated_power_kw=D("20")
    )
    assert found == Finding(
        "energy_above_power",
        REVIEW,
        {"energy_kwh": "910", "limit_kwh": "14.7666", "rated_power_kw": "20", "seconds": "2400"},
    )
    assert needs_review([found])


@pytest.mark.feature("PIL-20")
@pytest.mark.promise(4)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rated_power_kw": None}, ["rated_power_unknown"]),
        ({"rated_power_kw": D("0")}, ["rated_power_unknown"]),
        ({"energy_kwh": D("NaN")}, ["energy_not_a_number"]),
        ({"energy_kwh": D("1E+40")}, ["energy_not_a_number"]),
        ({"ended_at": START - timedelta(seconds=1)}, ["end_before_start"]),
        ({"meter_end": D("99.9")}, ["register_backwards"]),
        ({"meter_start": D("0"), "meter_end": D("910")}, ["register_disagrees"]),
        ({"meter_end": D("115.4225")}, ["register_disagrees"]),
        ({"meter_end": D("115.4224")}, []),
        ({"meter_start": D("sNaN")}, ["register_not_a_number"]),
        ({"meter_start": None}, []),
        ({"energy_by_tier": {"peak": D("15.3468")}}, ["tier_sum_differs"]),
        ({"energy_by_tier": {"peak": D("16"), "flat": D("-0.6543")}}, ["negative_tier_energy"]),
        ({"energy_by_tier": {"peak": D("NaN")}}, ["energy_not_a_number"]),
        ({"device_unit_prices": {"peak": D("1.40001")}}, ["unit_price_differs"]),
        ({"device_unit_prices": {"peak": D("NaN")}}, ["amount_not_a_number"]),
        ({"device_amount_by_tier": {"peak": D("17.27")}}, ["tier_amount_differs"]),
        ({"device_amount_by_tier": {"peak": D("17.28"), "flat": D("3.30")}, "device_amount": D("20.58")}, []),
        ({"device_amount": D("20.61")}, ["amount_differs"]),
        ({"device_amount": D("20.60")}, []),
        ({"device_amount": D("Infinity")}, ["amount_not_a_number"]),
        ({"device_amount_by_tier": {"valley": D("5")}}, ["tier_amount_differs"]),
        ({"session_started_at": START + timedelta(minutes=3)}, []),
        ({"session_started_at": START + timedelta(minutes=3, seconds=1)}, ["start_outside_session"]),
        ({"session_ended_at": END - timedelta(minutes=3, seconds=1)}, ["end_outside_session"]),
        ({"session_ended_at": None, "received_at": END - timedelta(minutes=4)}, ["end_outside_session"]),
        ({"session_started_at": None, "session_ended_at": None, "received_at": END + timedelta(days=9)}, []),
        ({"telemetry_kwh": D("15.7")}, ["telemetry_disagrees"]),
        ({"telemetry_kwh": D("14.9707")}, []),  # 15 s at 60 kW may add 0.375 kWh after the last sample
        ({"telemetry_kwh": D("14.9706")}, ["telemetry_disagrees"]),
        ({"telemetry_kwh": D("14.9707"), "last_sample_at": None}, ["telemetry_disagrees"]),
        ({"telemetry_kwh": D("14.9707"), "last_sample_at": END}, ["telemetry_disagrees"]),
        ({"telemetry_kwh": None}, []),
    ],
)  # fmt: skip
def test_each_rule_at_its_edge(changes, expected):
    assert codes(**changes) == expected


def test_negative_energy():
    assert codes(energy_kwh=D("-0.0001"))[0] == "negative_energy"


def test_a_record_without_energy_is_normal():
    # a start that was refused still ends in a record
    assert (
        codes(
            energy_kwh=D("0"),
            energy_by_tier={"sharp": D("0"), "peak": D("0")},
            device_amount_by_tier={"sharp": D("0")},
            device_amount=D("0"),
            meter_end=D("100"),
            telemetry_kwh=D("0"),
            rated_power_kw=None,
        )
        == []
    )


def test_a_wrong_price_on_a_tier_without_energy_is_only_noted():
    found = findings(device_unit_prices={"valley": D("0.8"), "peak": D("1.4")})
    assert [(finding.code, finding.severity) for finding in found] == [("unit_price_differs", NOTE)]
    assert needs_review(found) is False


def test_a_tier_the_tariff_does_not_have():
    found = findings(
        energy_by_tier={"deep_valley": D("15.3457")},
        device_unit_prices={"deep_valley": D("0.5")},
        device_amount=None,
        device_amount_by_tier=None,
    )
    assert [finding.code for finding in found] == ["unknown_tier", "cannot_price"]
    assert needs_review(found)


def test_naive_times_are_the_callers_mistake():
    with pytest.raises(PricingError, match="naive_time"):
        findings(started_at=datetime(2026, 11, 20))


def test_findings_survive_json():
    (found,) = findings(meter_end=D("99"))
    assert Finding.from_json(found.to_json()) == found


wild = st.one_of(st.none(), st.decimals(allow_nan=True, allow_infinity=True), st.decimals(0, 200, places=4))
moments = st.integers(-7200, 7200).map(lambda seconds: END + timedelta(seconds=seconds))


@given(
    energy=wild.filter(lambda value: value is not None),
    numbers=st.fixed_dictionaries(
        dict.fromkeys(("rated_power_kw", "meter_start", "meter_end", "device_amount", "telemetry_kwh"), wild)
    ),
    tiers=st.dictionaries(
        st.sampled_from(["sharp", "peak", "flat", "night"]), wild.filter(lambda value: value is not None)
    ),
    times=st.fixed_dictionaries({"started_at": moments, "ended_at": moments}),
)
def test_no_evidence_makes_the_gate_raise(energy, numbers, tiers, times):
    found = check_record(
        **{
            **GOOD,
            "energy_kwh": energy,
            **numbers,
            **times,
            "energy_by_tier": tiers,
            "device_unit_prices": tiers,
            "device_amount_by_tier": tiers,
        }
    )
    for finding in found:
        assert "%(" not in words.sentence(finding.code, finding.params)
        assert finding.code in words.FINDINGS
        assert all(len(value) < 80 for value in finding.params.values())
    if not needs_review(found):  # what passes can be priced
        assert price(FOUR, tiers).energy_kwh >= 0


def test_every_code_has_a_sentence():
    import re
    from pathlib import Path

    source = "".join(path.read_text("utf-8") for path in Path(words.__file__).parent.glob("*.py"))
    raised = set(re.findall(r'PricingError\(\s*"(\w+)"', source))
    found = set(re.findall(r'(?:Finding|_break)\(\s*"(\w+)"', source))
    assert raised == set(words.ERRORS)
    assert found == set(words.FINDINGS)
