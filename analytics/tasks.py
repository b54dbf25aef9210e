"""Celery entry points of the reports; each may run twice or late without harm."""

from datetime import timedelta

from celery import shared_task

from analytics.services import facts, levels
from kernel import clock
from kernel.actor import system


@shared_task(name="analytics.build_recent_facts", ignore_result=True)
def build_recent_facts() -> None:
    facts.build_recent()
    facts.fill_uses()


@shared_task(name="analytics.rebuild_facts", ignore_result=True)
def rebuild_facts() -> None:
    """Once more over three days: whatever was settled or corrected while no worker ran."""
    now = clock.now()
    for _hour, _rows in facts.build_span(now - timedelta(days=3), now):
        pass


@shared_task(name="analytics.assign_levels", ignore_result=True)
def assign_levels() -> None:
    levels.assign_levels(actor=system("member levels"))
