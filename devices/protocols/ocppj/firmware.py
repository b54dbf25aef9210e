"""The words of both versions for the progress of firmware updates and log uploads.

OCPP 1.6 §7.25 and §7.15, security whitepaper §6; OCPP 2.0.1 part 2, FirmwareStatusEnumType and UploadLogStatusEnumType.
"""

FIRMWARE = {
    "Idle": "idle",
    "DownloadScheduled": "download_scheduled",
    "Downloading": "downloading",
    "DownloadPaused": "download_paused",
    "Downloaded": "downloaded",
    "SignatureVerified": "signature_verified",
    "InstallScheduled": "install_scheduled",
    "InstallRebooting": "rebooting",
    "Installing": "installing",
    "Installed": "installed",
    "DownloadFailed": "download_failed",
    "InstallationFailed": "install_failed",
    "InstallVerificationFailed": "verification_failed",
    "InvalidSignature": "signature_invalid",
    "InvalidCertificate": "certificate_invalid",
    "RevokedCertificate": "certificate_revoked",
}

# Empty: says nothing of an upload.
LOG = {
    "Idle": "",
    "Uploading": "uploading",
    "Uploaded": "uploaded",
    "AcceptedCanceled": "failed",
    "UploadFailed": "failed",
    "UploadFailure": "failed",
    "BadMessage": "failed",
    "NotSupportedOperation": "failed",
    "PermissionDenied": "failed",
}
