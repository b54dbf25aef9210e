"""Charging profiles as commands carry them, whatever the version of OCPP. Pure.

A profile limits a connector (0: the whole pile) over time. What a command says (`params` of SET_CHARGING_PROFILE
and SET_POWER_LIMIT) is read once into a `Profile`; each version says it in its own words, and the row of what the
pile holds is made from the same object. Source: OCPP 1.6 §3.13 and §7.7 to §7.14; OCPP 2.0.1 part 2 K01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

MAX, DEFAULT, TRANSACTION, EXTERNAL = "max", "default", "transaction", "external"
PURPOSES = (MAX, DEFAULT, TRANSACTION)
KINDS = ("absolute", "recurring", "relative")
RECURRENCIES = ("daily", "weekly")
UNITS = ("A", "W")
MOST_PERIODS = 200
# Limits of SET_POWER_LIMIT have numbers and a level of their own, so that they never meet those of a schedule.
LIMIT_IDS, LIMIT_LEVEL = 900_000, 9
EXTERNAL_IDS = 800_000  # those of limits from outside, which have none themselves
_HIGHEST_LIMIT = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_s` seconds on, at most `limit` (A per phase or W in all), with one decimal place."""

    start_s: int
    limit: Decimal
    phases: int | None = None

    @property
    def number(self) -> int | float:
        """The limit as JSON carries it: piles exist that refuse a decimal point where none is needed."""
        return int(self.limit) if self.limit == self.limit.to_integral_value() else float(self.limit)


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile, checked."""

    profile_id: int
    purpose: str
    stack_level: int
    kind: str
    unit: str
    periods: tuple[Period, ...]
    recurrency: str = ""
    transaction_ref: str = ""
    starts_at: datetime | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    minimum_rate: Decimal | None = None


def profile_of(params: Mapping[str, Any], *, connector_no: int, now: datetime) -> Profile:
    """The profile of a SET_CHARGING_PROFILE command.

    Params: `purpose` (max, default, transaction), `periods` ([{start_s, limit, phases?}], in order of time, the
    first at 0), `unit` (A or W), and optionally `profile_id`, `stack_level`, `kind`, `recurrency`,
    `transaction_ref`, `starts_at`, `duration_s`, `valid_from`, `valid_to`, `minimum_rate`. An absolute or
    recurring profile without a start begins now: piles that keep to the standard refuse it without one.

    Raises:
        ValueError: names what is wrong.
    """
    purpose = _one_of(params, "purpose", PURPOSES, DEFAULT)
    kind = _one_of(params, "kind", KINDS, "relative" if purpose == TRANSACTION else "absolute")
    recurrency = _one_of(params, "recurrency", RECURRENCIES, "daily") if kind == "recurring" else ""
    stack_level = _whole(params, "stack_level", 0, 0, 1000)
    transaction_ref = str(params.get("transaction_ref") or "")
    if purpose == TRANSACTION and not transaction_ref:
        raise ValueError("transaction_ref is missing")
    if purpose == MAX and connector_no:
        raise ValueError("the limit of the whole pile belongs to connector 0")
    if purpose == TRANSACTION and not connector_no:
        raise ValueError("a profile of a transaction needs its connector")
    default_id = (PURPOSES.index(purpose) + 1) * 100_000 + connector_no * 1000 + stack_level
    starts_at = None
    if kind != "relative":
        starts_at = moment(params, "starts_at") or now
    return Profile(
        profile_id=_whole(params, "profile_id", default_id, 1, 2**31 - 1),
        purpose=purpose,
        stack_level=stack_level,
        kind=kind,
        unit=_one_of(params, "unit", UNITS, "A"),
        periods=_periods(params.get("periods")),
        recurrency=recurrency,
        transaction_ref=transaction_ref if purpose == TRANSACTION else "",
        starts_at=starts_at,
        duration_s=_whole(params, "duration_s", None, 1, 2**31 - 1),
        valid_from=moment(params, "valid_from"),
        valid_to=moment(params, "valid_to"),
        minimum_rate=None if params.get("minimum_rate") in (None, "") else _limit(params["minimum_rate"]),
    )


def limit_of(params: Mapping[str, Any], *, connector_no: int, now: datetime) -> Profile | None:
    """The profile of a SET_POWER_LIMIT command; None when it lifts the limit.

    Params: `limit_kw`, or `limit_a` for piles that know amperes only; both empty lift it. Connector 0 limits the
    whole pile, a connector every transaction on it.
    """
    kw, amperes = params.get("limit_kw"), params.get("limit_a")
    if kw in (None, "") and amperes in (None, ""):
        return None
    unit = "W" if kw not in (None, "") else "A"
    limit = _limit(kw) * 1000 if unit == "W" else _limit(amperes)
    return Profile(
        profile_id=limit_id(connector_no),
        purpose=DEFAULT if connector_no else MAX,
        stack_level=LIMIT_LEVEL,
        kind="absolute",
        unit=unit,
        periods=(Period(0, limit),),
        starts_at=now,
    )


def limit_id(connector_no: int) -> int:
    """The number of a connector's SET_POWER_LIMIT profile."""
    return LIMIT_IDS + connector_no


def moment(params: Mapping[str, Any], name: str) -> datetime | None:
    """A time with its zone (UTC without one); None when it is absent."""
    value = params.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"{name} is no date and time") from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _periods(value: Any) -> tuple[Period, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_PERIODS:
        raise ValueError(f"periods is not a list of 1 to {MOST_PERIODS}")
    periods = []
    for entry in value:
        if not isinstance(entry, Mapping):
            raise ValueError("a period is {start_s, limit}")
        periods.append(
            Period(
                _whole(entry, "start_s", None, 0, 2**31 - 1) or 0,
                _limit(entry.get("limit")),
                _whole(entry, "phases", None, 1, 3),
            )
        )
    starts = [period.start_s for period in periods]
    if starts[0] != 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        raise ValueError("periods begin at 0 and follow each other in time")
    return tuple(periods)


def _limit(value: Any) -> Decimal:
    """A limit with at most one decimal place, compared as a decimal: in binary 8.1 is no multiple of 0.1."""
    try:
        number = Decimal(str(value))
        if not number.is_finite() or not 0 <= number < _HIGHEST_LIMIT:
            raise ValueError
        if number * 10 != (number * 10).to_integral_value():
            raise ValueError
    except (InvalidOperation, ValueError):
        raise ValueError(
            f"the limit {str(value)[:20]} is not a number from 0 with one decimal place"
        ) from None
    return number


def _one_of(params: Mapping[str, Any], name: str, accepted: tuple[str, ...], default: str) -> str:
    value = str(params.get(name) or default)
    if value not in accepted:
        raise ValueError(f"{name} is not one of {', '.join(accepted)}")
    return value


def _whole(
    params: Mapping[str, Any], name: str, default: int | None, lowest: int, highest: int
) -> int | None:
    value = params.get(name)
    if value in (None, ""):
        return default
    try:
        number = int(str(value))
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise ValueError(f"{name} is not a whole number from {lowest} to {highest}")
    return number
