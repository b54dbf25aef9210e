"""OCPP words for connector states and faults (OCPP 1.6 §4.9, §7.6 ChargePointErrorCode, §7.7 ChargePointStatus)."""

from django.utils.translation import gettext_noop as _

from stations.models import Connector

_S = Connector.State

# Status -> (state, plugged). A suspended session is still running; `Unavailable` is a connector that an operator
# or the station itself has switched off: nobody can charge there, so it counts as offline and says nothing of
# the plug.
_STATES: dict[str, tuple[str, bool | None]] = {
    "Available": (_S.IDLE, False),
    "Preparing": (_S.OCCUPIED, True),
    "Charging": (_S.CHARGING, True),
    "SuspendedEV": (_S.CHARGING, True),
    "SuspendedEVSE": (_S.CHARGING, True),
    "Finishing": (_S.OCCUPIED, True),
    "Reserved": (_S.RESERVED, None),
    "Unavailable": (_S.OFFLINE, None),
    "Faulted": (_S.FAULT, None),
}

# OCPP 1.5 words that 1.6 stations still send.
_OLD_WORDS = {"Occupied": "Preparing", "Suspended": "SuspendedEV"}

FAULTS: dict[str, str] = {
    "ConnectorLockFailure": _("The connector could not be locked or unlocked."),
    "EVCommunicationError": _("Communication with the vehicle failed."),
    "GroundFailure": _("The ground fault protection has tripped."),
    "HighTemperature": _("The temperature inside the pile is too high."),
    "InternalError": _("The pile reports an internal hardware or software error."),
    "LocalListConflict": _("The local authorisation list conflicts with the platform's."),
    "OtherError": _("The pile reports an error of another kind."),
    "OverCurrentFailure": _("The overcurrent protection has tripped."),
    "OverVoltage": _("The voltage is above an acceptable level."),
    "PowerMeterFailure": _("The energy meter could not be read."),
    "PowerSwitchFailure": _("The power switch could not be controlled."),
    "ReaderFailure": _("The card reader has failed."),
    "ResetFailure": _("A reset could not be carried out."),
    "UnderVoltage": _("The voltage is below an acceptable level."),
    "WeakSignal": _("The wireless signal is weak."),
}


def state_of(status: str) -> tuple[str, bool | None] | None:
    """(connector state, plugged or None when unknown); None for a word that OCPP does not have."""
    return _STATES.get(_OLD_WORDS.get(status, status))


def fault_code_of(error_code: str, vendor_error_code: str) -> str:
    """One code out of the standard's and the vendor's; empty without an error."""
    codes = [code for code in (error_code, vendor_error_code) if code and code != "NoError"]
    return "/".join(codes)[:64]


def fault_words_of(error_code: str) -> str:
    """The English sentence (also a msgid) for an error code; empty for one that OCPP does not have."""
    return FAULTS.get(error_code, "")
