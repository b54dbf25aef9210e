"""Notices of piles: kept once, told to the floors above once."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from devices import events
from devices.models import HeldItem, PileNotice
from devices.services.placing import place_of

Kind = PileNotice.Kind

# OCPP 1.6 security whitepaper appendix A / OCPP 2.0.1 part 2 appendix 1: those the standard marks critical.
CRITICAL_SECURITY_EVENTS = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidCsmsCertificate",
        "InvalidCentralSystemCertificate",
        "InvalidChargingStationCertificate",
        "InvalidChargePointCertificate",
        "InvalidTLSVersion",
        "InvalidTLSCipherSuite",
    }
)
MOST_SEVERE = 3  # OCPP 2.0.1 part 2 N04: 0 danger, 1 hardware failure, 2 system failure, 3 critical
MOST_DATA = 16_000  # characters of what a notice keeps; the frame log has all of it


def note(
    *,
    pile: events.PileRef,
    kind: str,
    code: str,
    happened_at: datetime,
    received_at: datetime,
    connector_no: int = 0,
    detail: str = "",
    critical: bool = False,
    data: Mapping[str, Any] | None = None,
) -> PileNotice | None:
    """Keep a notice; None when the same was kept before (a pile sends again what was not answered)."""
    data = dict(data or {})
    said = json.dumps(
        [kind, connector_no, code, detail, happened_at.isoformat(), data], sort_keys=True, default=str
    )
    if len(said) > MOST_DATA:
        data = {"too_long": len(said)}
    try:
        with transaction.atomic():
            return PileNotice.objects.create(
                **place_of(pile),
                kind=kind,
                connector_no=connector_no,
                code=code[:64],
                detail=detail[:255],
                critical=critical,
                data=data,
                happened_at=happened_at,
                received_at=received_at,
                digest=hashlib.sha256(said.encode()).hexdigest(),
            )
    except IntegrityError:
        return None


def security_event(
    *, pile: events.PileRef, code: str, detail: str, happened_at: datetime, received_at: datetime
) -> None:
    """A pile reports a security event; published once."""
    critical = code in CRITICAL_SECURITY_EVENTS
    with transaction.atomic():
        row = note(
            pile=pile,
            kind=Kind.SECURITY,
            code=code,
            detail=detail,
            critical=critical,
            happened_at=happened_at,
            received_at=received_at,
        )
        if row is not None:
            events.publish(
                events.SecurityEventRaised(
                    pile=pile, at=happened_at, code=code, detail=detail, critical=critical
                )
            )


def component_event(
    *,
    pile: events.PileRef,
    connector_no: int,
    path: str,
    value: str,
    happened_at: datetime,
    received_at: datetime,
    monitor_id: int | None = None,
    cleared: bool = False,
    data: Mapping[str, Any] | None = None,
) -> None:
    """A monitor of a pile struck, or stopped striking; published once. How severe it is its monitor says."""
    monitor = None
    if monitor_id is not None:
        rows = HeldItem.objects.filter(pile_id=pile.id, kind=HeldItem.Kind.MONITOR, key=str(monitor_id))
        monitor = rows.first()
    severity = monitor.data.get("severity") if monitor is not None else None
    said = {**(data or {}), "path": path, "monitor": monitor_id, "severity": severity, "cleared": cleared}
    with transaction.atomic():
        row = note(
            pile=pile,
            kind=Kind.COMPONENT,
            code=path,
            detail=value,
            critical=severity is not None and severity <= MOST_SEVERE and not cleared,
            happened_at=happened_at,
            received_at=received_at,
            connector_no=connector_no,
            data={name: one for name, one in said.items() if one is not None},
        )
        if row is not None:
            events.publish(
                events.ComponentEventRaised(
                    pile=pile,
                    connector_no=connector_no,
                    at=happened_at,
                    path=path,
                    value=value,
                    severity=severity,
                    cleared=cleared,
                    detail=str(said.get("tech_info") or "")[:255],
                )
            )


def keep(
    *,
    pile: events.PileRef,
    kind: str,
    code: str,
    at: datetime,
    data: Mapping[str, Any],
    happened_at: datetime | None = None,
    connector_no: int = 0,
    detail: str = "",
) -> None:
    """Keep a notice that nobody above waits for."""
    note(
        pile=pile,
        kind=kind,
        code=code,
        happened_at=happened_at or at,
        received_at=at,
        connector_no=connector_no,
        detail=detail,
        data=data,
    )
