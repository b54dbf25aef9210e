"""Exports as jobs: ask, run in a worker, find again what was lost, drop what is old.

A job's owner is stored by key and read again when it runs, so a permission taken away meanwhile counts. A worker
that dies leaves the job to the sweep, which starts it anew; the half-written file is in a temporary folder and
never seen.
"""

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import translation

from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.exports import chosen_columns, exporter_of
from kernel.exports.writers import WRITERS, write_rows
from kernel.models import ExportJob
from kernel.models.export import OPEN_EXPORT_STATES
from kernel.services import audit

logger = logging.getLogger(__name__)
S = ExportJob.State
OPEN_PER_OWNER = 5
BEAT_S = 1.0
SILENT_AFTER = timedelta(minutes=2)
UNTAKEN_AFTER = timedelta(seconds=30)
ATTEMPTS = 3

_readers: dict[str, Callable[[str], Actor | None]] = {}


class _Cancelled(Exception):
    pass


def register_owner_reader(kind: str, read: Callable[[str], Actor | None]) -> None:
    """Register how the owner of an export is read again by id; None when they are gone."""
    _readers[kind] = read


def request_export(
    *,
    actor: Actor,
    exporter: str,
    file_format: str,
    params: Mapping[str, Any] | None = None,
    columns: Iterable[str] = (),
) -> ExportJob:
    """Queue an export and return its job.

    Raises `permission_denied`, `export_unknown`, `export_column_unknown`, `export_format_unknown`,
    `export_too_many_open` and what the exporter says of its filters.
    """
    source = exporter_of(exporter)
    source.check(actor)
    if file_format not in WRITERS:
        raise DomainError(
            "export_format_unknown",
            {"format": str(file_format)[:16], "known": ", ".join(WRITERS)},
            field="file_format",
        )
    chosen, _places = chosen_columns(source, columns)
    cleaned = source.clean(params or {})
    with transaction.atomic():
        own = ExportJob.objects.filter(owner_kind=actor.kind, owner_id=actor.id)
        if own.filter(state__in=OPEN_EXPORT_STATES).count() >= OPEN_PER_OWNER:
            raise DomainError("export_too_many_open", {"limit": OPEN_PER_OWNER})
        job = ExportJob.objects.create(
            exporter=exporter,
            title=str(source.title)[:128],
            file_format=file_format,
            params=cleaned,
            columns=[column.code for column in chosen],
            language=translation.get_language() or "en",
            owner_kind=actor.kind,
            owner_id=actor.id,
            owner_name=actor.name[:128],
            created_at=clock.now(),
        )
        audit.record(
            actor=actor,
            action="kernel.request_export",
            target=job,
            after={"exporter": exporter, "format": file_format, "filters": cleaned, "columns": job.columns},
        )
        transaction.on_commit(lambda: _enqueue(job.pk), robust=True)
    return job


def cancel_export(*, actor: Actor, job_id: int) -> ExportJob:
    """Stop an open export of one's own; a running one ends at its next progress. `not_found`, `export_ended`."""
    with transaction.atomic():
        job = ExportJob.objects.filter(pk=job_id, owner_kind=actor.kind, owner_id=actor.id).first()
        if job is None:
            raise DomainError("not_found")
        ended = ExportJob.objects.filter(pk=job_id, state__in=OPEN_EXPORT_STATES).update(
            state=S.CANCELLED, finished_at=clock.now()
        )
        if not ended:
            raise DomainError("export_ended")
        audit.record(actor=actor, action="kernel.cancel_export", target=job)
    job.refresh_from_db()
    return job


def run_export(*, job_id: int) -> ExportJob | None:
    """Run a queued export to its end; None when it is not (any more) queued. Never raises for the export's sake."""
    now = clock.now()
    job = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        return None
    taken = ExportJob.objects.filter(pk=job_id, state=S.QUEUED).update(
        state=S.RUNNING, started_at=now, beat_at=now, rows_done=0, attempts=job.attempts + 1
    )
    if not taken:
        return None
    try:
        with translation.override(job.language):
            _run(job)
    except _Cancelled:
        pass
    except DomainError as error:
        with translation.override(job.language):
            _end(job_id, state=S.FAILED, error=error.message[:255])
    except Exception:
        logger.exception("export %s failed", job_id)
        with translation.override(job.language):
            _end(job_id, state=S.FAILED, error=DomainError("export_failed").message)
    job.refresh_from_db()
    return job


def _run(job: ExportJob) -> None:
    read = _readers.get(job.owner_kind)
    actor = read(job.owner_id) if read is not None else None
    if actor is None:
        raise DomainError("export_owner_gone")
    source = exporter_of(job.exporter)
    source.check(actor)
    columns, places = chosen_columns(source, job.columns)
    total = source.total(actor, job.params)
    ExportJob.objects.filter(pk=job.pk, state=S.RUNNING).update(rows_total=total)
    next_beat = time.monotonic() + BEAT_S

    def tick(number: int) -> None:
        nonlocal next_beat
        if number % 500 or time.monotonic() < next_beat:
            return
        next_beat = time.monotonic() + BEAT_S
        alive = ExportJob.objects.filter(pk=job.pk, state=S.RUNNING).update(
            rows_done=number, beat_at=clock.now()
        )
        if not alive:
            raise _Cancelled

    with tempfile.TemporaryDirectory(prefix="ev-export-") as folder:
        path = Path(folder) / f"export.{job.file_format}"
        writer = WRITERS[job.file_format](path, columns, job.title)
        try:
            number = write_rows(writer, source.rows(actor, job.params), places, tick)
        finally:
            writer.close()
        with path.open("rb") as file:
            stored = default_storage.save(
                f"exports/{job.created_at:%Y%m%d}/{job.pk}.{job.file_format}", File(file)
            )
        ended = _end(
            job.pk,
            state=S.DONE,
            rows_done=number,
            rows_total=number,
            stored_name=stored,
            size_bytes=path.stat().st_size,
            expires_at=clock.now() + timedelta(days=settings.EV_EXPORT_DAYS),
        )
    if not ended:
        default_storage.delete(stored)


def _end(job_id: int, **values: Any) -> int:
    return ExportJob.objects.filter(pk=job_id, state=S.RUNNING).update(finished_at=clock.now(), **values)


def sweep_exports() -> int:
    """Start again what a dead worker left, hand out what nobody took, drop expired files; returns how many."""
    now = clock.now()
    silent = ExportJob.objects.filter(state=S.RUNNING, beat_at__lt=now - SILENT_AFTER)
    silent.filter(attempts__gte=ATTEMPTS).update(
        state=S.FAILED, finished_at=now, error=DomainError("export_failed").message
    )
    silent.update(state=S.QUEUED)
    waiting = ExportJob.objects.filter(state=S.QUEUED, created_at__lt=now - UNTAKEN_AFTER)
    found = list(waiting.order_by("pk").values_list("pk", flat=True)[:100])
    for job_id in found:
        _enqueue(job_id)
    expired = ExportJob.objects.filter(expires_at__lt=now, state=S.DONE)[:200]
    for job in expired:
        with contextlib.suppress(OSError):
            default_storage.delete(job.stored_name)
        ExportJob.objects.filter(pk=job.pk).update(state=S.EXPIRED, expires_at=None)
    return len(found) + len(expired)


def _enqueue(job_id: int) -> None:
    from kernel.tasks import run_export as task

    task.delay(job_id)
