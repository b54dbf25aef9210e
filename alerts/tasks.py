"""Celery entry points of alerts."""

from celery import shared_task

from alerts.services import alerts, archives, messages


@shared_task(name="alerts.watch_archives", ignore_result=True)
def watch_archives() -> None:
    archives.watch()


@shared_task(name="alerts.close_protections", ignore_result=True)
def close_protections() -> None:
    alerts.close_protections()


@shared_task(name="alerts.send_messages", ignore_result=True)
def send_messages() -> None:
    messages.work_due()
