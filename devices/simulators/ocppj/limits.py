"""Charging profiles of a simulated OCPP pile, whatever the version: which limit holds now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KW_PER_A = 0.69  # three phases of 230 V
MAX, DEFAULT, TRANSACTION = "max", "default", "transaction"


@dataclass(frozen=True, slots=True)
class HeldLimit:
    """One profile; `said` is how it was sent. Periods are (seconds from the start, limit in `unit`)."""

    number: int
    connector: int
    purpose: str
    level: int
    unit: str
    periods: tuple[tuple[int, float], ...]
    begins: datetime | None
    lasts_s: int | None
    daily: bool
    said: dict[str, Any]

    def kw_at(self, at: datetime) -> float | None:
        """The limit in kW at a moment; None when the profile does not hold then."""
        offset = 0.0 if self.begins is None else (at - self.begins).total_seconds()
        if self.daily:
            offset %= 86_400
        if offset < 0 or (self.lasts_s is not None and offset >= self.lasts_s):
            return None
        limit = next((limit for start, limit in reversed(self.periods) if start <= offset), None)
        if limit is None:
            return None
        return limit / 1000 if self.unit == "W" else limit * KW_PER_A


class Limits:
    """All profiles of a pile."""

    def __init__(self) -> None:
        self.held: list[HeldLimit] = []

    def set(self, limit: HeldLimit) -> None:
        """Take the place of a profile with the same number, or of the same purpose, level and connector."""
        place = (limit.connector, limit.purpose, limit.level)
        self.held = [
            one
            for one in self.held
            if one.number != limit.number and (one.connector, one.purpose, one.level) != place
        ]
        self.held.append(limit)

    def clear(
        self,
        *,
        number: int | None = None,
        connector: int | None = None,
        purpose: str | None = None,
        level: int | None = None,
    ) -> bool:
        """Drop the profiles that fit; False when none does."""
        gone = [
            one
            for one in self.held
            if (number is None or one.number == number)
            and (connector is None or one.connector == connector)
            and (purpose is None or one.purpose == purpose)
            and (level is None or one.level == level)
        ]
        self.held = [one for one in self.held if one not in gone]
        return bool(gone)

    def kw_at(self, connector: int, at: datetime, rated_kw: float) -> float:
        """The least of the pile's limit and that of the charge, by the highest level that holds (1.6 §3.13.2)."""
        limits = [rated_kw]
        for purposes, where in (((MAX,), (0,)), ((TRANSACTION, DEFAULT), (0, connector))):
            holding = [
                (one.purpose == TRANSACTION, one.level, kw)
                for one in self.held
                if one.purpose in purposes and one.connector in where and (kw := one.kw_at(at)) is not None
            ]
            if holding:
                limits.append(max(holding)[2])
        return min(limits)

    def course(self, connector: int, at: datetime, lasts_s: int, unit: str, rated_kw: float) -> list[dict]:
        """The composite schedule as periods, sampled every minute."""
        factor = 1000 if unit == "W" else 1 / KW_PER_A
        periods: list[dict] = []
        for offset in range(0, max(lasts_s, 1), 60):
            limit = round(self.kw_at(connector, at + timedelta(seconds=offset), rated_kw) * factor, 1)
            if not periods or periods[-1]["limit"] != limit:
                periods.append({"start_period": offset, "limit": limit})
        return periods[:100]


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def held_limit(
    said: dict[str, Any], *, number: int, connector: int, purposes: dict[str, str], schedule: dict[str, Any]
) -> HeldLimit:
    """A profile as either version sends it (snake case)."""
    return HeldLimit(
        number=number,
        connector=connector,
        purpose=purposes[said["charging_profile_purpose"]],
        level=said["stack_level"],
        unit=schedule["charging_rate_unit"],
        periods=tuple(
            (one["start_period"], float(one["limit"])) for one in schedule["charging_schedule_period"]
        ),
        begins=moment(schedule.get("start_schedule")),
        lasts_s=schedule.get("duration"),
        daily=said["charging_profile_kind"] == "Recurring",
        said=said,
    )
