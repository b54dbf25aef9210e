"""OCPP 1.6 in words: actions, stop reasons and the statuses that answer a command.

The sentences are English and msgids; `devices.words` translates them. Fault codes are in `statuses`.
"""

from django.utils.translation import gettext_noop as _

from devices.protocols.ocppj import words as shared

# Actions (OCPP 1.6 §4 and §5).
ACTIONS: dict[str, str] = shared.ACTIONS | {
    "Authorize": _("Authorisation of a tag"),
    "BootNotification": _("The pile starts"),
    "ChangeAvailability": _("Put into or out of service"),
    "ChangeConfiguration": _("Change configuration"),
    "ClearCache": _("Clear authorisation cache"),
    "DataTransfer": _("Vendor message"),
    "DiagnosticsStatusNotification": _("Upload of diagnostics"),
    "FirmwareStatusNotification": _("Progress of firmware update"),
    "GetConfiguration": _("Read configuration"),
    "ExtendedTriggerMessage": _("Ask for a message"),
    "GetDiagnostics": _("Ask for diagnostics"),
    "Heartbeat": _("Heartbeat"),
    "MeterValues": _("Meter values"),
    "RemoteStartTransaction": _("Remote start"),
    "RemoteStopTransaction": _("Remote stop"),
    "Reset": _("Reboot"),
    "SignedFirmwareStatusNotification": _("Progress of firmware update"),
    "SignedUpdateFirmware": _("Update to signed firmware"),
    "StartTransaction": _("Charging begins"),
    "StatusNotification": _("Connector state"),
    "StopTransaction": _("Charging ends"),
    "UnlockConnector": _("Unlock connector"),
}

# OCPP 1.6 §7.36, Reason.
STOP_REASONS: dict[str, str] = {
    "DeAuthorized": _("The authorisation ended."),
    "EmergencyStop": _("The emergency stop was pressed."),
    "EVDisconnected": _("The plug was pulled."),
    "HardReset": _("The pile was reset."),
    "Local": _("Stopped by hand at the pile."),
    "Other": _("Another reason."),
    "PowerLoss": _("The pile lost power."),
    "Reboot": _("The pile was reset."),
    "Remote": _("Stopped remotely."),
    "SoftReset": _("The pile was reset."),
    "UnlockCommand": _("The connector was unlocked."),
}

# Statuses of answers (OCPP 1.6 §7) and codes of CALLERROR (OCPP-J 1.6 §4.2.3).
ANSWERS: dict[str, str] = shared.ANSWERS | {
    "Rejected": _("The pile refused."),
    "Scheduled": _("It will be done when charging has ended."),
    "RebootRequired": _("It takes effect after a reboot."),
    "NotSupported": _("The pile does not support this."),
    "UnlockFailed": _("The connector could not be unlocked."),
    "UnknownVendorId": _("The pile does not know this vendor."),
    "UnknownMessageId": _("The pile does not know this message."),
    "NotImplemented": _("The pile does not know this action."),
    "InternalError": _("The pile had an internal error."),
    "ProtocolError": _("The pile found the message incomplete."),
    "SecurityError": _("The pile refused for security."),
    "FormationViolation": _("The pile could not read the message."),
    "FormatViolation": _("The pile could not read the message."),
    "PropertyConstraintViolation": _("The pile found a value out of range."),
    "OccurenceConstraintViolation": _("The pile found a field missing or repeated."),
    "OccurrenceConstraintViolation": _("The pile found a field missing or repeated."),
    "TypeConstraintViolation": _("The pile found a value of a wrong type."),
    "GenericError": _("The pile gave another error."),
}
