"""The charging profiles that piles hold: written when a pile confirms or reports one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from devices import charging_profiles as pure
from devices import events
from devices.models import DeviceCommand, HeldProfile, PileNotice
from devices.services import notices
from devices.services.held_items import asked_by
from devices.services.placing import place_of

MOST_OUTSIDE = 10  # schedules of one limit from outside; OCPP 2.0.1 knows at most a few


def set_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """An accepted SET_CHARGING_PROFILE or SET_POWER_LIMIT: the pile holds that profile now."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    said = {"connector_no": command.connector_no, "now": command.sent_at or command.created_at}
    if command.kind == DeviceCommand.Kind.SET_POWER_LIMIT:
        profile = pure.limit_of(command.params, **said)
        if profile is None:
            rows = HeldProfile.objects.filter(pile_id=pile.id, source="CSO")
            rows.filter(profile_id=pure.limit_id(command.connector_no)).delete()
            return
    else:
        profile = pure.profile_of(command.params, **said)
    hold(pile=pile, connector_no=command.connector_no, profile=profile, at=at)


def clear_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """A CLEAR_CHARGING_PROFILE that the pile carried out, or had nothing for."""
    if command.state != DeviceCommand.State.ACCEPTED:
        return
    rows = HeldProfile.objects.filter(pile_id=pile.id, source="CSO")
    params = command.params
    if params.get("profile_id"):
        # OCPP 1.6 §5.5 and 2.0.1 K10: a number alone decides.
        rows.filter(profile_id=int(params["profile_id"])).delete()
        return
    if command.connector_no:
        rows = rows.filter(connector_no=command.connector_no)
    if params.get("purpose"):
        rows = rows.filter(purpose=params["purpose"])
    if params.get("stack_level") not in (None, ""):
        rows = rows.filter(stack_level=int(params["stack_level"]))
    rows.delete()


def hold(
    *, pile: events.PileRef, connector_no: int, profile: pure.Profile, at: datetime, source: str = "CSO"
) -> HeldProfile:
    """Note that a pile holds a profile; it takes the place of one with its number or its purpose and level."""
    with transaction.atomic():
        rows = HeldProfile.objects.filter(pile_id=pile.id, source=source)
        rows.filter(profile_id=profile.profile_id).delete()
        rows.filter(
            connector_no=connector_no,
            purpose=profile.purpose,
            stack_level=profile.stack_level,
            transaction_ref=profile.transaction_ref,
        ).delete()
        return HeldProfile.objects.create(
            **place_of(pile),
            connector_no=connector_no,
            profile_id=profile.profile_id,
            purpose=profile.purpose,
            stack_level=profile.stack_level,
            profile_kind=profile.kind,
            recurrency=profile.recurrency,
            transaction_ref=profile.transaction_ref,
            unit=profile.unit,
            periods=[
                {
                    "start_s": one.start_s,
                    "limit": one.number,
                    **({"phases": one.phases} if one.phases else {}),
                }
                for one in profile.periods
            ],
            starts_at=profile.starts_at,
            duration_s=profile.duration_s,
            valid_from=profile.valid_from,
            valid_to=profile.valid_to,
            source=source,
            set_at=at,
        )


def transaction_ended(*, pile_id: int, transaction_ref: str) -> None:
    """A pile drops the profiles of a transaction with it (OCPP 1.6 §3.13.1)."""
    if transaction_ref:
        HeldProfile.objects.filter(pile_id=pile_id, transaction_ref=transaction_ref).delete()


def limited(
    *,
    pile: events.PileRef,
    connector_no: int,
    source: str,
    profiles: Sequence[pure.Profile],
    at: datetime,
    grid_critical: bool = False,
) -> None:
    """Something other than the platform limits a pile (connector 0: the whole of it) from now on.

    Such limits have schedules but no numbers that last: each takes the place of what its source said before.
    """
    with transaction.atomic():
        _outside(pile.id, source).filter(connector_no=connector_no).delete()
        for place, profile in enumerate(profiles[:MOST_OUTSIDE]):
            number = pure.EXTERNAL_IDS + connector_no * MOST_OUTSIDE + place
            profile = replace(profile, profile_id=number, stack_level=place)
            hold(pile=pile, connector_no=connector_no, profile=profile, at=at, source=source)
        _tell_limit(pile, connector_no, source, at, cleared=False, grid_critical=grid_critical)


def limit_gone(*, pile: events.PileRef, connector_no: int, source: str, at: datetime) -> None:
    """A limit from outside is gone (connector 0: all of this source)."""
    with transaction.atomic():
        rows = _outside(pile.id, source)
        (rows.filter(connector_no=connector_no) if connector_no else rows).delete()
        _tell_limit(pile, connector_no, source, at, cleared=True)


def _outside(pile_id: int, source: str) -> QuerySet[HeldProfile]:
    return HeldProfile.objects.filter(pile_id=pile_id, source=source, purpose=pure.EXTERNAL)


def _tell_limit(
    pile: events.PileRef,
    connector_no: int,
    source: str,
    at: datetime,
    *,
    cleared: bool,
    grid_critical: bool = False,
) -> None:
    notices.note(
        pile=pile,
        kind=PileNotice.Kind.CHARGING_LIMIT,
        code=source,
        happened_at=at,
        received_at=at,
        connector_no=connector_no,
        critical=grid_critical,
        data={"cleared": cleared, "grid_critical": grid_critical},
    )
    events.publish(
        events.ChargingLimitChanged(
            pile=pile,
            connector_no=connector_no,
            at=at,
            source=source,
            cleared=cleared,
            grid_critical=grid_critical,
        )
    )


def reported(
    *,
    pile: events.PileRef,
    connector_no: int,
    source: str,
    profiles: Collection[pure.Profile],
    at: datetime,
    request_id: int | None = None,
    complete: bool = True,
) -> None:
    """A pile told (part of) which profiles it holds; what it did not name by the end of a report of all is gone."""
    with transaction.atomic():
        for profile in profiles:
            hold(pile=pile, connector_no=connector_no, profile=profile, at=at, source=source)
        asked = asked_by(pile.id, request_id)
        if complete and asked is not None and _asks_for_all(asked):
            HeldProfile.objects.filter(pile_id=pile.id, set_at__lt=asked.sent_at or asked.created_at).delete()


def schedule_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """A pile that was asked for all its profiles has none."""
    if command.state == DeviceCommand.State.ACCEPTED and command.reason and _asks_for_all(command):
        HeldProfile.objects.filter(pile_id=pile.id).delete()


def _asks_for_all(command: DeviceCommand) -> bool:
    params = command.params
    filters = any(params.get(name) not in (None, "") for name in ("profile_id", "purpose", "stack_level"))
    return bool(params.get("profiles")) and not filters and not command.connector_no


def listing(pile_id: int) -> list[Mapping[str, Any]]:
    """The profiles a pile holds, as plain values, highest level first."""
    rows = HeldProfile.objects.filter(pile_id=pile_id).order_by("connector_no", "purpose", "-stack_level")
    return list(
        rows.values(
            "connector_no",
            "profile_id",
            "purpose",
            "stack_level",
            "profile_kind",
            "unit",
            "periods",
            "source",
        )
    )
