"""The names of gateway processes: one process per name, or the second would close the first one's sessions."""

import os
import secrets
import socket
from datetime import timedelta

from django.db import IntegrityError, transaction

from devices.models import GatewayNode
from kernel import clock

ALIVE_S = 15.0  # a process that said nothing for this long has gone


class NodeTaken(Exception):
    """Another live process has this name; the text says which."""

    def __init__(self, row: GatewayNode):
        self.row = row
        age = max(0.0, (clock.now() - row.alive_at).total_seconds())
        super().__init__(f"{row.name} is process {row.pid} on {row.host}, alive {age:.0f} s ago")


def new_boot_id() -> str:
    return secrets.token_hex(8)


def take_name(*, name: str, boot_id: str) -> None:
    """Make this process the gateway of this name.

    Raises:
        NodeTaken: a process that may still live has it. One that was killed on this machine is seen to be dead
            at once, one on another machine after `ALIVE_S`.
    """
    now = clock.now()
    own = {"boot_id": boot_id, "host": _host(), "pid": os.getpid(), "piles": 0}
    own |= {"started_at": now, "alive_at": now}
    try:
        with transaction.atomic():
            row = GatewayNode.objects.select_for_update().filter(name=name).first()
            if row is None:
                GatewayNode.objects.create(name=name, **own)
                return
            if row.boot_id != boot_id and _may_live(row):
                raise NodeTaken(row)
            GatewayNode.objects.filter(pk=row.pk).update(**own)
    except IntegrityError:
        raise NodeTaken(GatewayNode.objects.get(name=name)) from None


def still_alive(*, name: str, boot_id: str, piles: int) -> bool:
    """Say that this process lives and holds so many piles; False when another one has taken its name."""
    rows = GatewayNode.objects.filter(name=name, boot_id=boot_id)
    return bool(rows.update(alive_at=clock.now(), piles=piles))


def leave(*, name: str, boot_id: str) -> None:
    """This process stops cleanly."""
    GatewayNode.objects.filter(name=name, boot_id=boot_id).delete()


def is_alive(row: GatewayNode) -> bool:
    return clock.now() - row.alive_at < timedelta(seconds=ALIVE_S)


def _host() -> str:
    return socket.gethostname()[:64]


def _may_live(row: GatewayNode) -> bool:
    if not is_alive(row):
        return False
    if row.host != _host():
        return True
    if row.pid == os.getpid():
        return False  # an earlier life of this very process, or of its namesake in a container
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
