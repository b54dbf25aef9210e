"""Celery entry points of marketing; each may run twice or late without harm."""

from celery import shared_task

from marketing.services import coupons


@shared_task(name="marketing.expire_coupons", ignore_result=True)
def expire_coupons() -> None:
    coupons.expire()
    coupons.tell_expiring()
