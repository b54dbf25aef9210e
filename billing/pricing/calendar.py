"""Which day profile holds on which date: seasons, weekdays, holidays and the working days they are paid with.

A grid company moves the sharp and valley hours with the season, and some prices differ on working days and
holidays. A tariff version therefore carries its usual day and further ones, and an ordered list of rules;
the first rule that fits a local date names its profile, and a date that no rule fits has the usual day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from .errors import PricingError

SLOTS_PER_DAY = 48
ANY_DAY, WORKDAY, RESTDAY, HOLIDAY = "any", "workday", "restday", "holiday"
DAY_KINDS = (ANY_DAY, WORKDAY, RESTDAY, HOLIDAY)
SPECIAL_KINDS = (HOLIDAY, WORKDAY)
USUAL_DAY = ""  # the profile that is the version's own `slots`
_PROFILE = re.compile(r"[a-z][a-z0-9_]{0,15}")
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)")


@dataclass(frozen=True, slots=True)
class DayRule:
    """Where a profile holds: `first` to `last` (MM-DD, both included, over the new year when first is later).

    `days` is one of `DAY_KINDS`; `weekdays` are ISO numbers as text ("67" is Saturday and Sunday), empty for all.
    A working day is Monday to Friday without holidays, and any day that a holiday is paid with.
    """

    profile: str
    first: str = "01-01"
    last: str = "12-31"
    days: str = ANY_DAY
    weekdays: str = ""

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            if not _is_month_day(getattr(self, name)):
                raise PricingError("bad_calendar_date", {"value": str(getattr(self, name))[:20]})
        if self.days not in DAY_KINDS:
            raise PricingError(
                "bad_day_kind", {"value": str(self.days)[:20], "accepted": ", ".join(DAY_KINDS)}
            )
        if not isinstance(self.weekdays, str) or set(self.weekdays) - set("1234567"):
            raise PricingError("bad_weekdays", {"value": str(self.weekdays)[:20]})

    def fits(self, day: date, special: str | None) -> bool:
        """Whether the rule holds on `day`, which is `holiday`, `workday` or nothing special."""
        text = f"{day:%m-%d}"
        if self.first <= self.last:
            inside = self.first <= text <= self.last
        else:
            inside = text >= self.first or text <= self.last
        if not inside or (self.weekdays and str(day.isoweekday()) not in self.weekdays):
            return False
        works = special == WORKDAY or (special is None and day.isoweekday() <= 5)
        return {ANY_DAY: True, WORKDAY: works, RESTDAY: not works, HOLIDAY: special == HOLIDAY}[self.days]

    def to_json(self) -> dict[str, str]:
        """Return a JSON-safe dict."""
        return {
            "profile": self.profile,
            "first": self.first,
            "last": self.last,
            "days": self.days,
            "weekdays": self.weekdays,
        }


@dataclass(frozen=True, slots=True)
class Calendar:
    """Further day profiles, {code: 48 tier codes}, the rules that choose them, and the special dates they need.

    `special` maps ISO dates to `holiday` or `workday`; an order freezes those around its start.
    """

    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[DayRule, ...] = ()
    special: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(
            self, "profiles", {code: tuple(slots) for code, slots in dict(self.profiles).items()}
        )
        object.__setattr__(self, "special", dict(self.special))
        for code, slots in self.profiles.items():
            if not isinstance(code, str) or not _PROFILE.fullmatch(code):
                raise PricingError("bad_profile_code", {"profile": str(code)[:40]})
            if len(slots) != SLOTS_PER_DAY:
                raise PricingError(
                    "profile_slot_count", {"profile": code, "count": len(slots), "expected": SLOTS_PER_DAY}
                )
        for rule in self.rules:
            if rule.profile != USUAL_DAY and rule.profile not in self.profiles:
                raise PricingError("unknown_profile", {"profile": str(rule.profile)[:40]})
        for text, kind in self.special.items():
            if kind not in SPECIAL_KINDS or not _is_date(text):
                raise PricingError("bad_calendar_date", {"value": str(text)[:20]})

    def profile_on(self, day: date) -> str:
        """Return the code of the profile that holds on the local date `day`; `USUAL_DAY` when no rule fits."""
        special = self.special.get(day.isoformat())
        return next((rule.profile for rule in self.rules if rule.fits(day, special)), USUAL_DAY)

    def slots_on(self, day: date) -> tuple[str, ...] | None:
        """Return the 48 tier codes of a local date, or None when it has the usual day."""
        code = self.profile_on(day)
        return None if code == USUAL_DAY else self.profiles[code]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict."""
        return {
            "profiles": {code: list(slots) for code, slots in self.profiles.items()},
            "rules": [rule.to_json() for rule in self.rules],
            "special": dict(self.special),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calendar:
        """Return the calendar that `to_json` wrote; PricingError for anything else."""
        try:
            return cls(
                profiles={code: tuple(slots) for code, slots in data.get("profiles", {}).items()},
                rules=tuple(DayRule(**row) for row in data.get("rules", ())),
                special=dict(data.get("special", {})),
            )
        except (TypeError, AttributeError) as error:
            raise PricingError("bad_snapshot", {"field": f"calendar: {error}"[:80]}) from None


def year_of(calendar: Calendar, year: int) -> list[tuple[date, str]]:
    """Return (date, profile code) of every day of a year, for a person to look over."""
    first = date(year, 1, 1)
    days = (date(year + 1, 1, 1) - first).days
    return [(day, calendar.profile_on(day)) for day in (first + timedelta(n) for n in range(days))]


def _is_month_day(text: object) -> bool:
    found = _MONTH_DAY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return False
    try:
        date(2024, int(found[1]), int(found[2]))  # a leap year, so that 02-29 is a day
    except ValueError:
        return False
    return True


def _is_date(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
