"""The Celery application: workers and beat find every app's `tasks.py` here."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")

app = Celery("ev_platform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
