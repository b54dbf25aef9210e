"""Celery entry points of people; each may run twice or late without harm."""

from celery import shared_task

from users.services import notices


@shared_task(name="users.forget_old_notices", ignore_result=True)
def forget_old_notices() -> None:
    notices.forget_old()
