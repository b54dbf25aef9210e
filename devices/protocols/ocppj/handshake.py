"""Who may open an OCPP socket: a registered station that shows its own password (OCPP-J 1.6 §3, §6.2.2), or its
own certificate over TLS (security profile 3).

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
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import check_password

from devices.gateway.throttle import Throttle
from devices.gateway.tls import proof_of
from devices.protocols.ocppj.link import database
from devices.services import commissioning, identity, references
from stations.models import Pile

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who opens a socket, for the waiting list."""

    scope: Mapping[str, Any]
    headers: Mapping[bytes, bytes]
    code: str
    remote: str
    spoken: Mapping[str, str]


class Refused(Exception):
    """The handshake ends with this HTTP status; 400 is for a station that offers no subprotocol at all."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


async def identify(scope: dict[str, Any], code: str, remote: str, spoken: Mapping[str, str]) -> Pile:
    """The pile that opens this socket; `spoken` maps the subprotocols we know to the protocols of piles.

    Raises:
        Refused: 404 for a station nobody registered (OCPP-J 1.6 §3.2), 401 for missing or wrong credentials, 403
            for a connection below the pile's security profile or with a certificate not its own.
            Each is listed for commissioning with its reason.
    """
    headers = {name.lower(): value for name, value in scope.get("headers", ())}
    caller = _Caller(scope, headers, code, remote, spoken)
    if not code.isprintable() or len(code) > 64:
        raise Refused(404)
    pile = await database(references.pile_by_any_protocol, code)
    if pile is None:
        await _list(caller, "unknown")
        raise Refused(404)
    if pile.protocol not in spoken.values():
        await _list(caller, "other_protocol")
        raise Refused(404)
    proof = proof_of(scope)
    if proof.certificate:
        missing = await database(identity.what_is_missing, pile, proof)
    else:
        missing = identity.what_is_missing(pile, proof)
    if missing:
        await _list(caller, missing)
        raise Refused(403)
    if proof.certificate or identity.required_profile(pile) == Pile.SecurityProfile.NONE:
        return pile
    credentials = _basic(headers.get(b"authorization", b""))
    if credentials is None:
        await _list(caller, "no_password")
        raise Refused(401)
    username, password = credentials
    if username != code.encode() or not await _password_fits(pile.password, password):
        await _list(caller, "bad_password")
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


async def _list(caller: _Caller, reason: str) -> None:
    logger.warning("OCPP: %s from %s refused: %s", caller.code, caller.remote, reason)
    if not _listing.allow():
        return
    offered = [str(name)[:32] for name in caller.scope.get("subprotocols", ())][:8]
    # The station's own order of preference; without a word of it, the older version.
    known = [caller.spoken[name] for name in offered if name in caller.spoken]
    login = {
        "subprotocols": offered,
        "user_agent": caller.headers.get(b"user-agent", b"").decode("latin-1")[:128],
    }
    await database(
        commissioning.note_unknown_pile,
        code=caller.code,
        protocol=(known or list(caller.spoken.values()))[0],
        remote_address=caller.remote,
        login=login,
        reason=reason,
    )
