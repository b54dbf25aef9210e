"""The clock that services read, so that a test can hold it."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The current moment, aware, UTC."""
    return timezone.now()
