"""Celery entry points of alerts."""

from celery import shared_task

from alerts.services import archives


@shared_task(name="alerts.watch_archives", ignore_result=True)
def watch_archives() -> None:
    archives.watch()
