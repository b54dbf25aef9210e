"""When piles were last heard of: in Redis every few seconds, in the pile's row now and then.

The row of a pile has indexes and is locked by everything the pile does; ten thousand heartbeats do not belong
there. Redis may forget: whoever asks takes the newer of its word and the row's, so a Redis that comes back empty
makes nobody offline. Without Redis the row is written every time.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cache

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from stations.models import Pile

logger = logging.getLogger(__name__)

KEY = "ev:piles:heard"
ROW_EVERY_S = 20.0  # how far a row may be behind; well below every patience with a silent pile


def note_heard(heard: Mapping[int, datetime]) -> dict[int, datetime]:
    """Keep when piles were heard of last.

    Returns:
        What still has to be written to the rows, now (Redis is not there) or later (`row_due`).
    """
    client = _client()
    if client is None or not heard:
        return dict(heard)
    try:
        client.zadd(KEY, {str(pile_id): at.timestamp() for pile_id, at in heard.items()})
    except redis.RedisError as error:
        logger.warning("last heard of %d piles kept in their rows, not in Redis: %r", len(heard), error)
        write_rows(heard)
        return {}
    return dict(heard)


def rows_can_wait() -> bool:
    """Whether the rows may be written every `ROW_EVERY_S` only."""
    return bool(settings.EV_REDIS_URL)


def write_rows(heard: Mapping[int, datetime]) -> dict[int, datetime]:
    """Write `last_seen_at` of these piles; returns those whose row is locked by somebody, for the next time.

    It never waits: a batch that waited for one busy row would hold up the piles of all the others.
    """
    if not heard:
        return {}
    newest = max(heard.values())
    rows = Pile.objects.unscoped("gateway batch").filter(pk__in=list(heard))
    with transaction.atomic():
        free = list(
            rows.select_for_update(of=("self",), no_key=True, skip_locked=True).values_list("pk", flat=True)
        )
        Pile.objects.unscoped("gateway batch").filter(pk__in=free).filter(
            Q(last_seen_at__lt=newest) | Q(last_seen_at__isnull=True)
        ).update(last_seen_at=newest)
    taken = set(free)
    return {pile_id: at for pile_id, at in heard.items() if pile_id not in taken}


def heard_at(pile_ids: Collection[int]) -> dict[int, datetime]:
    """Redis's word on these piles; nothing for what it does not know or while it is away."""
    client = _client()
    if client is None or not pile_ids:
        return {}
    ids = list(pile_ids)
    try:
        scores = client.zmscore(KEY, [str(pile_id) for pile_id in ids])
    except redis.RedisError as error:
        logger.warning("Redis cannot say when piles were heard of: %r", error)
        return {}
    return {
        pile_id: datetime.fromtimestamp(score, UTC)
        for pile_id, score in zip(ids, scores, strict=True)
        if score is not None
    }


def _client() -> "redis.Redis | None":
    return _connect(settings.EV_REDIS_URL) if settings.EV_REDIS_URL else None


@cache
def _connect(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)
