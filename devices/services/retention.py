"""What piles told and uploaded is kept for a set time, what is about customers or only shown for a short one."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Model, QuerySet

from devices.models import DeviceCommand, PileNotice
from devices.services import uploads
from kernel import clock

COST_DAYS = 1  # what a pile was told to show; the order says what it cost
CUSTOMER_DAYS = 30  # what a pile reported of a customer was asked for to be read, not to be kept
BATCH = 1000


def tidy_up() -> dict[str, int]:
    """End uploads that nobody waits for any more, drop notices and files out of time; returns how many of each."""
    now = clock.now()
    old = now - timedelta(days=settings.NOTICE_DAYS)
    notices = PileNotice.objects.unscoped("retention")
    personal = notices.filter(
        kind=PileNotice.Kind.CUSTOMER, received_at__lt=now - timedelta(days=CUSTOMER_DAYS)
    )
    costs = DeviceCommand.objects.unscoped("retention").filter(
        kind=DeviceCommand.Kind.SHOW_COST, created_at__lt=now - timedelta(days=COST_DAYS)
    )
    return {
        "uploads_ended": uploads.expire_due(),
        "notices": _drop(notices.filter(received_at__lt=old)) + _drop(personal),
        "costs": _drop(costs),
        "files": uploads.drop_before(old),
    }


def _drop(rows: QuerySet[Model]) -> int:
    """Delete in batches, so that no lock is held for long."""
    dropped = 0
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        dropped += rows.model.objects.unscoped("retention").filter(pk__in=keys).delete()[0]
    return dropped
