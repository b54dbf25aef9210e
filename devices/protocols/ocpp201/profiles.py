"""Charging profiles as stations tell them (OCPP 2.0.1 part 2, ChargingProfileType and ChargingScheduleType)."""

from collections.abc import Mapping
from typing import Any

from devices import charging_profiles as pure
from devices.charging_profiles import Period, Profile
from devices.protocols.ocpp201.commands.set_charging_profile import PURPOSES
from devices.protocols.ocppj import profiles as wire
from devices.protocols.ocppj import reading as read

_PURPOSES = {word: purpose for purpose, word in PURPOSES.items()} | {
    "ChargingStationExternalConstraints": pure.EXTERNAL
}
_KINDS = {word: kind for kind, word in wire.KINDS.items()}
_RECURRENCIES = {word: recurrency for recurrency, word in wire.RECURRENCIES.items()}
_MOST = 2**31 - 1


def profile_said(said: Mapping[str, Any]) -> Profile | None:
    """A profile that a station holds, by the first of its schedules; None when it cannot be read."""
    purpose = _PURPOSES.get(read.text(said, "chargingProfilePurpose", 40))
    kind = _KINDS.get(read.text(said, "chargingProfileKind"))
    number, level = _number(said, "id"), _number(said, "stackLevel")
    schedules = read.objects(said, "chargingSchedule")
    if purpose is None or kind is None or number is None or level is None or not schedules:
        return None
    return _profile(
        schedules[0],
        profile_id=number,
        purpose=purpose,
        stack_level=level,
        kind=kind,
        recurrency=_RECURRENCIES.get(read.text(said, "recurrencyKind"), ""),
        transaction_ref=read.text(said, "transactionId"),
        valid_from=read.moment(said.get("validFrom"))[0],
        valid_to=read.moment(said.get("validTo"))[0],
    )


def schedule_said(said: Mapping[str, Any]) -> Profile | None:
    """A limit from outside, which has a schedule only; it is numbered where it is kept."""
    return _profile(said, profile_id=0, purpose=pure.EXTERNAL, stack_level=0, kind="absolute")


def _profile(said: Mapping[str, Any], **more: Any) -> Profile | None:
    unit = read.text(said, "chargingRateUnit", 1)
    periods = [_period(one) for one in read.objects(said, "chargingSchedulePeriod")]
    if unit not in pure.UNITS or not periods or None in periods:
        return None
    return Profile(
        unit=unit,
        periods=tuple(one for one in periods[: pure.MOST_PERIODS] if one is not None),
        starts_at=read.moment(said.get("startSchedule"))[0],
        duration_s=_number(said, "duration"),
        **more,
    )


def _period(said: Mapping[str, Any]) -> Period | None:
    start, limit = _number(said, "startPeriod"), read.decimal(said.get("limit"), 1)
    phases = _number(said, "numberPhases")
    return None if start is None or limit is None else Period(start, limit, phases)


def _number(said: Mapping[str, Any], name: str) -> int | None:
    number = read.whole(said, name)
    return number if number is not None and 0 <= number <= _MOST else None
