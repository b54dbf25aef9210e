"""Celery entry points of the device floor."""

from celery import shared_task

from devices.services import (
    certificates,
    commands,
    firmware_campaigns,
    partitions,
    presence,
    reservations,
    retention,
)
from kernel.actor import system


@shared_task(name="devices.expire_commands", ignore_result=True)
def expire_commands() -> None:
    commands.expire_commands()


@shared_task(name="devices.expire_silent_piles", ignore_result=True)
def expire_silent_piles() -> None:
    presence.expire_silent()


@shared_task(name="devices.expire_reservations", ignore_result=True)
def expire_reservations() -> None:
    reservations.expire_due()


@shared_task(name="devices.renew_certificates", ignore_result=True)
def renew_certificates() -> None:
    certificates.renew_due(actor=system("renew_certificates"))


@shared_task(name="devices.keep_partitions", ignore_result=True)
def keep_partitions() -> None:
    partitions.keep_partitions()


@shared_task(name="devices.tidy_up", ignore_result=True)
def tidy_up() -> None:
    retention.tidy_up()


@shared_task(name="devices.advance_firmware_campaigns", ignore_result=True)
def advance_firmware_campaigns() -> None:
    firmware_campaigns.advance()
