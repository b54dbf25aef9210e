"""Words of both versions of OCPP for what lies beside charging: firmware, logs, lists, limits, certificates.

The sentences are English and msgids; `devices.words` translates them. Sources: OCPP 1.6 §5 and §7 with its
security whitepaper; OCPP 2.0.1 part 2.
"""

from django.utils.translation import gettext_noop as _

ACTIONS: dict[str, str] = {
    "CertificateSigned": _("Signed certificate"),
    "CancelReservation": _("Cancel reservation"),
    "ClearChargingProfile": _("Clear charging profile"),
    "DeleteCertificate": _("Delete certificate"),
    "GetCompositeSchedule": _("Read charging schedule"),
    "GetInstalledCertificateIds": _("List certificates"),
    "GetLocalListVersion": _("Read version of local list"),
    "GetLog": _("Ask for a log"),
    "InstallCertificate": _("Install certificate"),
    "LogStatusNotification": _("Progress of log upload"),
    "ReserveNow": _("Reserve connector"),
    "SecurityEventNotification": _("Security event"),
    "SendLocalList": _("Send local list"),
    "SetChargingProfile": _("Set charging profile"),
    "SignCertificate": _("Certificate request"),
    "TriggerMessage": _("Ask for a message"),
    "UpdateFirmware": _("Firmware update"),
}

ANSWERS: dict[str, str] = {
    "AcceptedCanceled": _("An earlier request was cancelled for it."),
    "Failed": _("The pile tried and failed."),
    "Faulted": _("The connector has a fault."),
    "InvalidCertificate": _("The signing certificate is not valid."),
    "NotFound": _("The pile does not have it."),
    "Occupied": _("The connector is occupied."),
    "RevokedCertificate": _("The signing certificate was revoked."),
    "Unavailable": _("The connector is out of service."),
    "Unknown": _("The pile had nothing of the kind."),
    "VersionMismatch": _("The pile holds another version of the list; send the whole list."),
}
