"""The arithmetic of clearing: nothing appears and nothing vanishes, whatever the terms."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.services.clearing.split import Part, Share, SplitError, Terms, rescale, split

pytestmark = pytest.mark.embedded


def terms(**value) -> Terms:
    return Terms.from_json(value)


def test_a_worked_order():
    """20.45 yuan of electricity and 14.13 of service for 35.3457 kWh; the agent's agent takes from the agent."""
    rule = terms(
        channel_fee_bp=60,
        commission={"electricity": {"bp": 100}, "service": {"yuan_per_kwh": "0.05000"}},
        shares={
            "service": [
                {"payee": 1, "bp": 7000},
                {"payee": 2, "bp": 2000},
                {"payee": 4, "bp": 1000},
                {"payee": 3, "bp": 3333, "parent": 2},
            ]
        },
    )
    parts = split(rule, owner=1, gross={"electricity": 2045, "service": 1413}, energy_kwh=Decimal("35.3457"))
    # service: fee 8, rest 1405, commission 1.767285 yuan -> 177, shared 1228: 860/245/123, agent 245: 163/82
    assert parts == [
        Part("electricity", "channel_fee", None, 12),
        Part("electricity", "commission", None, 20),
        Part("electricity", "share", 1, 2013),
        Part("service", "channel_fee", None, 8),
        Part("service", "commission", None, 177),
        Part("service", "share", 1, 860),
        Part("service", "share", 2, 163),
        Part("service", "share", 4, 123),
        Part("service", "share", 3, 82),
    ]
    assert [part.amount_fen for part in rescale(parts, {"service": 0, "electricity": 0})] == [0] * 9
    half = rescale(parts, {"service": 706})
    assert sum(part.amount_fen for part in half) == 706 and half[2].amount_fen == 430
    assert Terms.from_json(rule.to_json()) == rule


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["electricity", "service", "parking"]), st.integers(-(10**7), 10**7)),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.lists(st.integers(0, 5_000), min_size=2, max_size=2),
    st.decimals(0, 500, places=4),
    st.booleans(),
)
def test_the_parts_are_the_whole(gross, fee_bp, bp, cuts, energy_kwh, by_energy):
    rule = terms(
        channel_fee_bp=fee_bp,
        commission={"any": {"yuan_per_kwh": "0.12345"} if by_energy else {"bp": bp}},
        shares={
            "any": [
                {"payee": 1, "bp": 10_000 - sum(cuts)},
                {"payee": 2, "bp": cuts[0]},
                {"payee": 3, "bp": cuts[1]},
                {"payee": 5, "bp": 5_000, "parent": 4},
                {"payee": 4, "bp": 5_000, "parent": 3},
            ]
        },
    )
    parts = split(rule, owner=1, gross=gross, energy_kwh=energy_kwh)
    for kind, amount in gross.items():
        rows = [part.amount_fen for part in parts if part.fee_kind == kind]
        assert sum(rows) == amount
        assert all((row < 0) == (amount < 0) for row in rows)
    mirrored = split(
        rule, owner=1, gross={kind: -amount for kind, amount in gross.items()}, energy_kwh=energy_kwh
    )
    assert [-part.amount_fen for part in mirrored] == [part.amount_fen for part in parts]
    whole = {kind: amount for kind, amount in gross.items() if amount}
    assert sum(part.amount_fen for part in rescale(parts, whole)) == sum(whole.values())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"channel_fee_bp": 10_001}, "percent"),
        ({"commission": {"service": {"bp": 1.5}}}, "percent"),
        ({"commission": {"service": {"yuan_per_kwh": "0.123456"}}}, "price"),
        ({"commission": {"service": {}}}, "malformed"),
        ({"shares": {"service": [{"payee": 1, "bp": 9_999}]}}, "sum"),
        ({"shares": {"service": [{"payee": 1, "bp": 5_000}, {"payee": 1, "bp": 5_000}]}}, "payee"),
        ({"shares": {"service": [{"payee": 1, "bp": 10_000}, {"payee": 2, "bp": 1, "parent": 9}]}}, "parent"),
        (
            {"shares": {"service": [{"payee": 1, "bp": 10_000}, {"payee": 2, "bp": 10_001, "parent": 1}]}},
            "percent",
        ),
    ],
)
def test_terms_that_do_not_add_up_are_refused(value, code):
    with pytest.raises(SplitError) as refusal:
        Terms.from_json(value)
    assert refusal.value.code == code


def test_without_terms_everything_is_the_operators():
    parts = split(terms(), owner=7, gross={"electricity": 5, "unheard": 3})
    assert [(part.payee, part.amount_fen) for part in parts] == [(7, 5), (7, 3)]
    assert Share(7, 10_000).to_json() == {"payee": 7, "bp": 10_000, "parent": None}
