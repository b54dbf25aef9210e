"""The roof: settings, routing, Celery and the console site. Nothing below imports it."""

from ev_platform.celery import app as celery_app

__all__ = ("celery_app",)
