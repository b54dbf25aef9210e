"""The charging profiles that piles hold: written when a pile confirms or reports one."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from devices import charging_profiles as pure
from devices import events
from devices.models import DeviceCommand, HeldProfile
from devices.services.placing import place_of


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


def drop_sources(*, pile_id: int, source: str, connector_no: int) -> None:
    """A limit from outside is gone."""
    rows = HeldProfile.objects.filter(pile_id=pile_id, source=source, purpose=pure.EXTERNAL)
    (rows.filter(connector_no=connector_no) if connector_no else rows).delete()


def reported(
    *,
    pile: events.PileRef,
    connector_no: int,
    source: str,
    profiles: Collection[pure.Profile],
    at: datetime,
) -> None:
    """A pile told which profiles it holds (part of a report)."""
    with transaction.atomic():
        for profile in profiles:
            hold(pile=pile, connector_no=connector_no, profile=profile, at=at, source=source)


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
