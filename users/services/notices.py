"""Telling drivers: the one door through which anything reaches them in the app, and the only reader of switches."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kernel import clock
from kernel.actor import Actor
from users.models import DriverNotice, DriverSettings
from users.services.drivers import own_driver

KEEP = timedelta(days=180)
Topic = DriverNotice.Topic


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell one driver; told again under the same topic and key, it is the same."""

    driver_id: int
    topic: str
    key: str
    params: dict[str, Any] = field(default_factory=dict)


def tell(news: Iterable[News]) -> int:
    """Put news into their drivers' lists, but for what they switched off or were told; how many were new at most.

    Joins the transaction of the caller. May be called any number of times with the same news.
    """
    news = list(news)
    if not news:
        return 0
    chosen = DriverSettings.objects.unscoped("what the drivers themselves chose").in_bulk(
        {one.driver_id for one in news}
    )
    wanted = [one for one in news if getattr(chosen.get(one.driver_id, _USUAL), f"tell_{one.topic}")]
    now = clock.now()
    DriverNotice.objects.bulk_create(
        [
            DriverNotice(
                driver_id=one.driver_id, topic=one.topic, key=one.key, params=one.params, created_at=now
            )
            for one in wanted
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    return len(wanted)


def mark_read(*, actor: Actor, up_to: int) -> int:
    """A driver has read their notices up to this id; how many were unread."""
    rows = DriverNotice.objects.for_actor(actor).filter(driver=own_driver(actor), pk__lte=up_to)
    return rows.filter(read_at__isnull=True).update(read_at=clock.now())


def forget_old(*, batch: int = 5000) -> int:
    """Drop notices after `KEEP`, a batch at a time."""
    rows = DriverNotice.objects.unscoped("the age of a notice, whoever's")
    old = rows.filter(created_at__lt=clock.now() - KEEP).order_by("created_at").values("pk")[:batch]
    return rows.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]


_USUAL = DriverSettings()
