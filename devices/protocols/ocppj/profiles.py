"""Charging profiles on the wire: the parts that both versions write the same way."""

from collections.abc import Mapping
from typing import Any

from devices import charging_profiles as pure
from devices.charging_profiles import Period, Profile
from devices.models import DeviceCommand
from devices.protocols.ocppj import reading as read
from kernel import clock

KINDS = {"absolute": "Absolute", "recurring": "Recurring", "relative": "Relative"}
RECURRENCIES = {"daily": "Daily", "weekly": "Weekly"}


def asked_profile(command: DeviceCommand) -> Profile:
    """The profile of a SET_CHARGING_PROFILE or SET_POWER_LIMIT command; ValueError names what is wrong.

    Built from the same moment as the row of what the pile holds.
    """
    said: dict[str, Any] = {"connector_no": command.connector_no, "now": command.sent_at or clock.now()}
    if command.kind == DeviceCommand.Kind.SET_POWER_LIMIT:
        profile = pure.limit_of(command.params, **said)
        if profile is None:
            raise ValueError("there is no limit to set")
        return profile
    return pure.profile_of(command.params, **said)


def schedule(profile: Profile) -> dict[str, Any]:
    """The charging schedule. A profile that is not relative always says when it starts."""
    payload: dict[str, Any] = {
        "chargingRateUnit": profile.unit,
        "chargingSchedulePeriod": [
            {
                "startPeriod": period.start_s,
                "limit": period.number,
                **({"numberPhases": period.phases} if period.phases else {}),
            }
            for period in profile.periods
        ],
    }
    if profile.starts_at is not None:
        payload["startSchedule"] = read.shown(profile.starts_at)
    if profile.duration_s is not None:
        payload["duration"] = profile.duration_s
    if profile.minimum_rate is not None:
        payload["minChargingRate"] = Period(0, profile.minimum_rate).number
    return payload


def times(profile: Profile) -> dict[str, str]:
    """`validFrom`, `validTo` and `recurrencyKind`, where the profile has them."""
    said = {}
    if profile.valid_from is not None:
        said["validFrom"] = read.shown(profile.valid_from)
    if profile.valid_to is not None:
        said["validTo"] = read.shown(profile.valid_to)
    if profile.recurrency:
        said["recurrencyKind"] = RECURRENCIES[profile.recurrency]
    return said


def lifts(command: DeviceCommand) -> bool:
    """Whether a SET_POWER_LIMIT command takes a limit away."""
    return command.params.get("limit_kw") in (None, "") and command.params.get("limit_a") in (None, "")


def choice(params: Mapping[str, Any], name: str, words: Mapping[str, str]) -> str | None:
    """The wire's word for a parameter; None when it is absent, ValueError for one that is none of `words`."""
    value = params.get(name)
    if value in (None, ""):
        return None
    if value not in words:
        raise ValueError(f"{name} is not one of {', '.join(words)}")
    return words[value]
