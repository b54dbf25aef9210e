"""Celery entry points of the ground."""

from celery import shared_task

from kernel import heartbeat
from kernel.services import exports, outbox


@shared_task(name="kernel.sweep_outbox", ignore_result=True)
def sweep_outbox() -> None:
    outbox.sweep()


@shared_task(name="kernel.record_beat", ignore_result=True)
def record_beat() -> None:
    heartbeat.record_beat()


@shared_task(name="kernel.run_export", ignore_result=True)
def run_export(job_id: int) -> None:
    exports.run_export(job_id=job_id)


@shared_task(name="kernel.sweep_exports", ignore_result=True)
def sweep_exports() -> None:
    exports.sweep_exports()
