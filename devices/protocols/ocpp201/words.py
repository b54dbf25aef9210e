"""OCPP 2.0.1 in words: actions, stop reasons and the statuses that answer a command.

The sentences are English and msgids; `devices.words` translates them. Where both versions of OCPP mean the same,
they say the same. Source: OCPP 2.0.1 part 2, section 3 (enumerations), and part 4 §4.3.
"""

from django.utils.translation import gettext_noop as _

ACTIONS: dict[str, str] = {
    "Authorize": _("Authorisation of a tag"),
    "BootNotification": _("The pile starts"),
    "ChangeAvailability": _("Put into or out of service"),
    "ClearCache": _("Clear authorisation cache"),
    "DataTransfer": _("Vendor message"),
    "FirmwareStatusNotification": _("Progress of firmware update"),
    "GetBaseReport": _("Ask for the whole configuration"),
    "GetVariables": _("Read configuration"),
    "Heartbeat": _("Heartbeat"),
    "LogStatusNotification": _("Upload of diagnostics"),
    "MeterValues": _("Meter values"),
    "NotifyEvent": _("Event of a component"),
    "NotifyReport": _("Report of the configuration"),
    "RequestStartTransaction": _("Remote start"),
    "RequestStopTransaction": _("Remote stop"),
    "Reset": _("Reboot"),
    "SecurityEventNotification": _("Security event"),
    "SetVariables": _("Change configuration"),
    "StatusNotification": _("Connector state"),
    "TransactionEvent": _("Course of a charge"),
    "TriggerMessage": _("Ask for a message"),
    "UnlockConnector": _("Unlock connector"),
}

# ReasonEnumType.
STOP_REASONS: dict[str, str] = {
    "DeAuthorized": _("The authorisation ended."),
    "EmergencyStop": _("The emergency stop was pressed."),
    "EnergyLimitReached": _("The energy asked for was reached."),
    "EVDisconnected": _("The plug was pulled."),
    "GroundFault": _("The ground fault protection has tripped."),
    "ImmediateReset": _("The pile was reset."),
    "Local": _("Stopped by hand at the pile."),
    "LocalOutOfCredit": _("The credit at the pile was used up."),
    "MasterPass": _("Stopped with a master pass."),
    "Other": _("Another reason."),
    "OvercurrentFault": _("The overcurrent protection has tripped."),
    "PowerLoss": _("The pile lost power."),
    "PowerQuality": _("The power quality was too poor."),
    "Reboot": _("The pile was reset."),
    "Remote": _("Stopped remotely."),
    "SOCLimitReached": _("The state of charge asked for was reached."),
    "StoppedByEV": _("The vehicle ended charging."),
    "TimeLimitReached": _("The time asked for was reached."),
    "Timeout": _("The plug was not connected in time."),
}

# Statuses of answers and codes of CALLERROR.
ANSWERS: dict[str, str] = {
    "Rejected": _("The pile refused."),
    "Scheduled": _("It will be done when charging has ended."),
    "RebootRequired": _("It takes effect after a reboot."),
    "NotSupported": _("The pile does not support this."),
    "NotSupportedAttributeType": _("The pile does not support this."),
    "EmptyResultSet": _("The pile has nothing to report."),
    "UnknownComponent": _("The pile does not know this component."),
    "UnknownVariable": _("The pile does not know this variable."),
    "UnlockFailed": _("The connector could not be unlocked."),
    "OngoingAuthorizedTransaction": _("A charge is running."),
    "UnknownConnector": _("The pile does not have this connector."),
    "UnknownVendorId": _("The pile does not know this vendor."),
    "UnknownMessageId": _("The pile does not know this message."),
    "NotImplemented": _("The pile does not know this action."),
    "InternalError": _("The pile had an internal error."),
    "ProtocolError": _("The pile found the message incomplete."),
    "SecurityError": _("The pile refused for security."),
    "FormatViolation": _("The pile could not read the message."),
    "RpcFrameworkError": _("The pile could not read the message."),
    "MessageTypeNotSupported": _("The pile does not support this."),
    "PropertyConstraintViolation": _("The pile found a value out of range."),
    "OccurrenceConstraintViolation": _("The pile found a field missing or repeated."),
    "TypeConstraintViolation": _("The pile found a value of a wrong type."),
    "GenericError": _("The pile gave another error."),
}
