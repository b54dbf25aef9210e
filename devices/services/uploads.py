"""Logs and diagnostics from piles: asked for, received over HTTP under an address that only this pile was told.

The secret in the address is kept as a digest. It is good for one file, for a day, whatever the network the pile
comes from: piles upload with a plain HTTP client that knows no login.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.core.files import File
from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, PileUpload
from devices.services.commands import send_command
from devices.services.placing import place_of
from devices.services.references import pile_ref
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.services import edits

GOOD_FOR = timedelta(days=1)
LOGS = ("diagnostics", "security")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def ask(
    *,
    actor: Actor,
    pile: Pile,
    reason: str,
    log: str = "diagnostics",
    oldest: datetime | None = None,
    latest: datetime | None = None,
) -> PileUpload:
    """Ask a pile for a log; it comes to the platform's own address.

    Raises:
        DomainError: `permission_denied`, `not_found`, `reason_required`, `invalid` for another kind of log or a
            span that ends before it begins, and what `send_command` refuses.
    """
    policy.require(actor, "devices.add_devicecommand")
    edits.in_scope(actor, pile)
    reason = edits.require_reason(reason)
    if log not in LOGS:
        raise DomainError("invalid", {"field": "log", "reason": ", ".join(LOGS)}, field="log")
    if oldest and latest and latest <= oldest:
        raise DomainError("invalid", {"field": "latest", "reason": "latest > oldest"}, field="latest")
    secret, now = secrets.token_urlsafe(24), clock.now()
    with transaction.atomic():
        locked = lock_pile(pile.pk)
        command = send_command(
            actor=actor,
            pile=locked,
            kind=DeviceCommand.Kind.UPLOAD_LOG,
            params={
                "url": f"{settings.DEVICE_FILES_URL}/device-files/{secret}/",
                "log": log,
                "oldest": oldest.isoformat() if oldest else "",
                "latest": latest.isoformat() if latest else "",
            },
        )
        upload = PileUpload.objects.create(
            **place_of(pile_ref(locked)),
            command=command,
            secret_digest=_digest(secret),
            created_at=now,
            expires_at=now + GOOD_FOR,
        )
        audit.record(actor=actor, action="devices.ask_log", target=pile, reason=reason, after={"log": log})
    return upload


class _Chunked(File):
    """A stream of unknown length, read once."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        while data := self.file.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield data


class Readable(Protocol):
    """A stream of bytes that counts what was read of it."""

    size: int

    def read(self, size: int = -1) -> bytes: ...


def receive(*, secret: str, name: str, content: Readable) -> PileUpload | None:
    """Keep the file that a pile uploads; None for an address that is unknown, used or out of time."""
    rows = PileUpload.objects.unscoped("the secret in the address is the key")
    upload = rows.filter(secret_digest=_digest(secret)).first()
    now = clock.now()
    if upload is None or upload.expires_at <= now or upload.state == PileUpload.State.RECEIVED:
        return None
    clean = _UNSAFE.sub("_", name).strip("._")[-80:] or "log"
    # The file first, outside the lock: it may be long in coming.
    stored = PileUpload._meta.get_field("file").storage.save(
        f"pile-logs/{upload.pile_id}/{upload.pk}-{clean}", _Chunked(content)
    )
    with transaction.atomic():
        pile = lock_pile(upload.pile_id)
        upload = rows.get(pk=upload.pk)
        if upload.state == PileUpload.State.RECEIVED:
            upload.file.storage.delete(stored)
            return None
        upload.state, upload.received_at = PileUpload.State.RECEIVED, now
        upload.file, upload.size_bytes, upload.name = stored, content.size, upload.name or clean
        upload.save(update_fields=["state", "received_at", "file", "size_bytes", "name"])
        _publish(pile_ref(pile), upload, now, "uploaded")
    return upload


def ask_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """The pile's answer to the request: it named its file, has nothing, or refuses."""
    upload = PileUpload.objects.filter(command=command, state=PileUpload.State.AWAITED).first()
    if upload is None:
        return
    if command.state == DeviceCommand.State.ACCEPTED:
        said: Any = command.result.get("fileName") or command.result.get("filename") or ""
        upload.name = _UNSAFE.sub("_", str(said))[:160]
        upload.save(update_fields=["name"])
        return
    upload.state, upload.progress = PileUpload.State.FAILED, (command.reason or command.state)[:32]
    upload.save(update_fields=["state", "progress"])
    _publish(pile, upload, at, "failed")


def progress(
    *, pile: events.PileRef, word: str, status: str, at: datetime, request_id: int | None = None
) -> None:
    """A pile tells how an upload gets on.

    Args:
        status: uploading, uploaded or failed; empty for a word that says nothing of the kind (Idle).
        request_id: the id of the command, when the pile names it; else its last one is meant.
    """
    with transaction.atomic():
        lock_pile(pile.id)  # the file itself may be arriving by another door
        rows = PileUpload.objects.filter(pile_id=pile.id)
        if request_id is not None:
            rows = rows.filter(command_id=request_id)
        upload = rows.order_by("-pk").first()
        if upload is not None and upload.state == PileUpload.State.AWAITED and status:
            upload.progress = word[:32]
            if status == "failed":
                upload.state = PileUpload.State.FAILED
            upload.save(update_fields=["progress", "state"])
        if status and not (upload is not None and upload.state == PileUpload.State.RECEIVED):
            _publish(pile, upload, at, status, word)


def expire_due() -> int:
    """End uploads whose address is out of time without a file; returns how many."""
    now, rows = clock.now(), PileUpload.objects.unscoped("sweep")
    due = rows.filter(state=PileUpload.State.AWAITED, expires_at__lte=now)
    ended = 0
    for pk, pile_id in list(due.values_list("pk", "pile_id")[:1000]):
        with transaction.atomic():
            pile = lock_pile(pile_id)
            upload = rows.get(pk=pk)
            if upload.state == PileUpload.State.AWAITED:
                upload.state, upload.progress = PileUpload.State.FAILED, "expired"
                upload.save(update_fields=["state", "progress"])
                _publish(pile_ref(pile), upload, now, "failed", "expired")
                ended += 1
    return ended


def drop_before(moment: datetime) -> int:
    """Delete files that were received before a moment, and requests of that time that brought none."""
    rows = PileUpload.objects.unscoped("retention").filter(created_at__lt=moment)
    old = list(rows.exclude(state=PileUpload.State.AWAITED)[:1000])
    for upload in old:
        if upload.file:
            upload.file.storage.delete(upload.file.name)
        upload.delete()
    return len(old)


def _publish(
    pile: events.PileRef, upload: PileUpload | None, at: datetime, status: str, detail: str = ""
) -> None:
    events.publish(
        events.LogUploaded(
            pile=pile,
            at=at,
            status=status,
            request_id=upload.command_id if upload else None,
            upload_id=upload.pk if upload else None,
            detail=detail,
        )
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
