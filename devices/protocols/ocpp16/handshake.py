"""Who may open an OCPP socket: a registered station that shows its own password (OCPP-J 1.6 §3, §6.2.2).

Django's password hashes are slow on purpose. A password that was verified once is remembered by a keyed digest
for as long as the process lives, hashing has threads of its own so that it never holds up the database pool, and
wrong guesses at one station are checked only now and then.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import os
import secrets
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.hashers import check_password

from devices.gateway.throttle import Throttle
from devices.protocols.ocpp16.link import database
from devices.services import commissioning, references
from stations.models import Pile

logger = logging.getLogger(__name__)

SUBPROTOCOL = "ocpp1.6"
REMEMBERED = 20_000

_key = secrets.token_bytes(32)


def _give_way() -> None:
    """Hashing takes whole cores after a restart; sockets that are open already come first (Linux: per thread)."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


_hashing = ThreadPoolExecutor(2, thread_name_prefix="ocpp-passwords", initializer=_give_way)
_verified: OrderedDict[str, bytes] = OrderedDict()  # stored hash -> digest of its password
_refused: OrderedDict[str, bytes] = OrderedDict()  # stored hash -> digest of the last wrong one
_guesses: OrderedDict[str, Throttle] = OrderedDict()  # stored hash -> how often a wrong one is looked at
_listing = Throttle(rate=5, burst=200)  # strangers cannot make us write without end


class Refused(Exception):
    """The handshake ends with this HTTP status."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


async def identify(scope: dict[str, Any], code: str, remote: str) -> Pile:
    """The pile that opens this socket.

    Raises:
        Refused: 404 for a station nobody registered (OCPP-J 1.6 §3.2), 401 for missing or wrong credentials.
            Either is listed for commissioning with its reason.
    """
    headers = {name.lower(): value for name, value in scope.get("headers", ())}
    if not code.isprintable() or len(code) > 64:
        raise Refused(404)
    pile = await database(references.pile_by_any_protocol, code)
    if pile is None:
        await _list(scope, headers, code, remote, "unknown")
        raise Refused(404)
    if pile.protocol != Pile.Protocol.OCPP16:
        await _list(scope, headers, code, remote, "other_protocol")
        raise Refused(404)
    credentials = _basic(headers.get(b"authorization", b""))
    if credentials is None:
        await _list(scope, headers, code, remote, "no_password")
        raise Refused(401)
    username, password = credentials
    if username != code.encode() or not await _password_fits(pile.password, password):
        await _list(scope, headers, code, remote, "bad_password")
        raise Refused(401)
    return pile


def _basic(header: bytes) -> tuple[bytes, bytes] | None:
    """(username, password) of an HTTP Basic header (RFC 7617); None when there is none."""
    scheme, _space, value = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        username, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (username, password) if colon else None


async def _password_fits(stored: str, password: bytes) -> bool:
    if not stored or not password:
        return False
    digest = hmac.digest(_key, password, "sha256")
    if hmac.compare_digest(_verified.get(stored, b""), digest):
        return True
    if hmac.compare_digest(_refused.get(stored, b""), digest):
        return False
    guesses = _keep(_guesses, stored, _guesses.get(stored) or Throttle(rate=0.2, burst=10))
    if not guesses.allow():
        return False
    try:
        text = password.decode()
    except UnicodeDecodeError:
        return False
    fits = await asyncio.get_running_loop().run_in_executor(_hashing, check_password, text, stored)
    _keep(_verified if fits else _refused, stored, digest)
    if fits:
        _guesses.pop(stored, None)
    return fits


def _keep(memory: OrderedDict, key: str, value: Any) -> Any:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
    return value


async def _list(scope: dict[str, Any], headers: dict, code: str, remote: str, reason: str) -> None:
    logger.warning("OCPP: %s from %s refused: %s", code, remote, reason)
    if not _listing.allow():
        return
    login = {
        "subprotocols": [str(name)[:32] for name in scope.get("subprotocols", ())][:8],
        "user_agent": headers.get(b"user-agent", b"").decode("latin-1")[:128],
    }
    await database(
        commissioning.note_unknown_pile,
        code=code,
        protocol="ocpp16",
        remote_address=remote,
        login=login,
        reason=reason,
    )
