"""Celery entry points of alerts."""

from celery import shared_task

from alerts.services import alerts, archives


@shared_task(name="alerts.watch_archives", ignore_result=True)
def watch_archives() -> None:
    archives.watch()


@shared_task(name="alerts.close_protections", ignore_result=True)
def close_protections() -> None:
    alerts.close_protections()
