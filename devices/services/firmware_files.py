"""Firmware files: taken in once, and handed to piles under addresses that are signed and run out.

The address names the file and the pile; whoever has it may fetch that one file for a day. Piles that fetch over
FTP (YKC V1.6, frame 94) get the address of an FTP server that serves the platform's storage.
"""

import hashlib
import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from devices.models import FirmwareFile
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, PileModel
from users import policy

GOOD_FOR = timedelta(days=1)
LARGEST_BYTES = 512 * 1024 * 1024
OVER_FTP = (Pile.Protocol.YKC,)
_SALT = "devices.firmware"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def add_firmware(
    *,
    actor: Actor,
    model: PileModel,
    version: str,
    file: File,
    sha256: str = "",
    signature: str = "",
    signing_certificate: str = "",
    notes: str = "",
) -> FirmwareFile:
    """Keep a firmware file with its size and SHA-256.

    Args:
        version: as the pile reports it after the update; this is how its success is known.
        sha256: what the maker says the digest is, in hexadecimal; compared when given.

    Raises:
        DomainError: `permission_denied`, `invalid` naming the field, `firmware_taken`.
    """
    policy.require(actor, "devices.add_firmwarefile")
    version = version.strip()
    if not 1 <= len(version) <= 64:
        _refuse("version", _("1 to 64 characters are accepted."))
    if not file.size or file.size > LARGEST_BYTES:
        _refuse("file", _("a file of 1 byte to 512 MB is accepted."))
    if bool(signature.strip()) != bool(signing_certificate.strip()):
        _refuse("signature", _("a signature and its certificate come together."))
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    found = digest.hexdigest()
    if sha256.strip() and sha256.strip().lower() != found:
        _refuse("sha256", _("the file's is %(digest)s; the file is damaged or another.") % {"digest": found})
    if FirmwareFile.objects.filter(model=model, version=version).exists():
        raise DomainError("firmware_taken", {"version": version}, field="version")
    file.seek(0)
    suffix = _UNSAFE.sub("_", str(file.name or "firmware").rsplit("/", 1)[-1])[-60:]
    storage = FirmwareFile._meta.get_field("file").storage
    stored = storage.save(f"firmware/{model.pk}-{_UNSAFE.sub('_', version)}-{suffix}", file)
    try:
        with transaction.atomic():
            row = FirmwareFile.objects.create(
                model=model,
                version=version,
                file=stored,
                size_bytes=file.size,
                sha256=found,
                signature=signature.strip(),
                signing_certificate=signing_certificate.strip(),
                notes=notes.strip(),
                added_at=clock.now(),
                added_by=actor.name[:128],
            )
            audit.record(
                actor=actor,
                action="devices.add_firmware",
                target=row,
                after={"version": version, "size_bytes": file.size, "sha256": found},
            )
    except IntegrityError:
        storage.delete(stored)
        raise DomainError("firmware_taken", {"version": version}, field="version") from None
    return row


def address_for(*, firmware: FirmwareFile, pile: Pile) -> str:
    """Where a pile fetches a file; DomainError `firmware_no_ftp` when it needs FTP and there is no such server."""
    if pile.protocol in OVER_FTP:
        if not settings.FIRMWARE_FTP_URL:
            raise DomainError("firmware_no_ftp", {"code": pile.code})
        return f"{settings.FIRMWARE_FTP_URL}/{firmware.file.name}"
    token = signing.dumps([firmware.pk, pile.pk], salt=_SALT)
    name = firmware.file.name.rsplit("/", 1)[-1]
    return f"{settings.DEVICE_FILES_URL}/device-firmware/{token}/{name}"


def params_for(*, firmware: FirmwareFile, pile: Pile) -> dict[str, Any]:
    """The parameters of an UPDATE_FIRMWARE command."""
    params = {"url": address_for(firmware=firmware, pile=pile)}
    if firmware.signature and pile.protocol not in OVER_FTP:
        params |= {"signature": firmware.signature, "signing_certificate": firmware.signing_certificate}
    return params


def by_token(token: str) -> FirmwareFile | None:
    """The file that a signed address names; None when the address is forged or has run out."""
    try:
        firmware_id, _pile_id = signing.loads(token, salt=_SALT, max_age=GOOD_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return FirmwareFile.objects.filter(pk=firmware_id).first()


def _refuse(field: str, reason: str) -> None:
    raise DomainError("invalid", {"field": field, "reason": reason}, field=field)
