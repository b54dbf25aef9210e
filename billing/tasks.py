"""Celery entry points of billing; each may run twice or late without harm."""

from celery import shared_task

from billing.services import sweeps, tariffs
from kernel.actor import system


@shared_task(name="billing.sweep_orders", ignore_result=True)
def sweep_orders() -> None:
    actor = system("order sweep")
    sweeps.sweep_orders(actor=actor)
    sweeps.flag_silent(actor=actor)


@shared_task(name="billing.push_due_tariffs", ignore_result=True)
def push_due_tariffs() -> None:
    tariffs.push_due(actor=system("tariff push"))
