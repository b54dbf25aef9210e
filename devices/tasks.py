"""Celery entry points of the device floor."""

from celery import shared_task

from devices.services import commands, presence


@shared_task(name="devices.expire_commands", ignore_result=True)
def expire_commands() -> None:
    commands.expire_commands()


@shared_task(name="devices.expire_silent_piles", ignore_result=True)
def expire_silent_piles() -> None:
    presence.expire_silent()
