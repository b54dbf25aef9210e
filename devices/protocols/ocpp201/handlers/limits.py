"""Charging profiles, limits from outside, and what vehicles wish (OCPP 2.0.1 part 2, K09, K11 to K16)."""

from typing import Any

from devices.models import PileNotice
from devices.protocols.ocpp201.link import Link201
from devices.protocols.ocpp201.profiles import profile_said, schedule_said
from devices.protocols.ocpp201.reading import evse_of, part
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.link import CallRefused, Incoming, database
from devices.services import notices, profiles


async def profiles_reported(link: Link201, call: Incoming) -> dict[str, Any]:
    """ReportChargingProfiles: what GetChargingProfiles asked for, in one or more parts."""
    number = _evse(call)
    told = [profile_said(one) for one in read.objects(call.payload, "chargingProfile")]
    if None in told:
        link.count("unreadable_profile")
    await database(
        profiles.reported,
        pile=link.pile,
        connector_no=number,
        source=read.text(call.payload, "chargingLimitSource", 20) or "Other",
        profiles=[one for one in told if one is not None],
        at=call.at,
        request_id=read.whole(call.payload, "requestId"),
        complete=call.payload.get("tbc") is not True,
    )
    return {}


async def limit_set(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyChargingLimit: something other than the platform limits the station."""
    said = part(call.payload, "chargingLimit")
    source = read.text(said, "chargingLimitSource", 20)
    if not source:
        raise CallRefused("OccurenceConstraintViolation", "chargingLimit.chargingLimitSource is missing")
    number = _evse(call)
    told = [schedule_said(one) for one in read.objects(call.payload, "chargingSchedule")]
    if None in told:
        link.count("unreadable_profile")
    await database(
        profiles.limited,
        pile=link.pile,
        connector_no=number,
        source=source,
        profiles=[one for one in told if one is not None],
        grid_critical=said.get("isGridCritical") is True,
        at=call.at,
    )
    return {}


async def limit_cleared(link: Link201, call: Incoming) -> dict[str, Any]:
    """ClearedChargingLimit."""
    source = read.text(call.payload, "chargingLimitSource", 20)
    if not source:
        raise CallRefused("OccurenceConstraintViolation", "chargingLimitSource is missing")
    await database(profiles.limit_gone, pile=link.pile, connector_no=_evse(call), source=source, at=call.at)
    return {}


async def needs(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyEVChargingNeeds: kept for people; the platform plans for no vehicle, so the station is told so.

    With this answer it charges within the limits it has (K15.FR.05).
    """
    await _keep(link, call, PileNotice.Kind.VEHICLE_NEEDS, "chargingNeeds")
    return {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}


async def schedule(link: Link201, call: Incoming) -> dict[str, Any]:
    """NotifyEVChargingSchedule: how the vehicle will charge; it stays within what it was allowed."""
    await _keep(link, call, PileNotice.Kind.VEHICLE_SCHEDULE, "chargingSchedule")
    return {"status": "Accepted"}


async def _keep(link: Link201, call: Incoming, kind: str, name: str) -> None:
    said = part(call.payload, name)
    if not said:
        raise CallRefused("OccurenceConstraintViolation", f"{name} is missing")
    happened_at, _finding = read.moment(call.payload.get("timeBase"))
    code = read.text(said, "requestedEnergyTransfer") or read.text(said, "chargingRateUnit") or "told"
    await database(
        notices.keep,
        pile=link.pile,
        kind=kind,
        code=code,
        at=call.at,
        happened_at=happened_at,
        connector_no=_evse(call),
        data=said,
    )


def _evse(call: Incoming) -> int:
    """The EVSE a message speaks of; the whole station when it names none."""
    number = evse_of(call.payload) or 0
    call.connector_no = number or None
    return number
