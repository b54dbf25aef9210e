"""Live pushes to open pages and apps: a small message to a group, after commit, best effort."""

import logging
from collections.abc import Iterable, Iterator, Mapping
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
    broadcast_all([(group, {"type": message_type, **data})])


def broadcast_all(messages: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """`broadcast` for several (group, message) pairs at once: one event loop and one connection for all."""
    batch = [(group, dict(message)) for group, message in messages]
    if batch and not _muted.get():
        transaction.on_commit(lambda: _send(batch), robust=True)


def _send(batch: list[tuple[str, dict[str, Any]]]) -> None:
    try:
        async_to_sync(_send_each)(batch)
    except Exception:
        logger.warning("push to %s failed", ", ".join(group for group, _message in batch), exc_info=True)


async def _send_each(batch: list[tuple[str, dict[str, Any]]]) -> None:
    layer = get_channel_layer()
    for group, message in batch:
        await layer.group_send(group, message)
