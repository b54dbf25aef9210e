"""Celery entry points of the ground."""

from celery import shared_task

from kernel import heartbeat
from kernel.services import outbox


@shared_task(name="kernel.sweep_outbox", ignore_result=True)
def sweep_outbox() -> None:
    outbox.sweep()


@shared_task(name="kernel.record_beat", ignore_result=True)
def record_beat() -> None:
    heartbeat.record_beat()
