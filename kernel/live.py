"""Live pushes to open pages and apps: a small message to a group, after commit, best effort."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)
_muted: ContextVar[bool] = ContextVar("muted_pushes", default=False)


@contextmanager
def muted() -> Iterator[None]:
    """No pushes from this thread or task within the block: for writing a past that nobody watches."""
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)


def broadcast(group: str, message_type: str, **data: Any) -> None:
    """Send `{"type": message_type, **data}` to a group once the current transaction has committed.

    Never raises: a page that missed a push reads again by itself.
    """
    if _muted.get():
        return
    transaction.on_commit(lambda: _send(group, {"type": message_type, **data}), robust=True)


def _send(group: str, message: dict[str, Any]) -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(group, message)
    except Exception:
        logger.warning("push to %s failed", group, exc_info=True)
