"""The live line of the running orders: rows that change, appear and leave, for one page of one staff member.

A page listens to its own rows and to «an order came or went» of the operators in its scope. So what ten thousand
running orders say costs a page nothing but its fifty rows. Whoever reads is asked for anew at every reading.
"""

import asyncio
import contextlib
import time
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare

from analytics import live_orders, selectors
from kernel import clock
from kernel.runtime.dbpool import in_database
from users.actors import of_staff
from users.models import Staff

UNAUTHORIZED, FORBIDDEN = 4401, 4403
PAUSE_S = 1.0
REREAD_S = 10.0  # a push may be lost; rights and the login are looked at again


class LiveOrdersConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/console/orders/?station=&method=&before=`, logged in by the console's session.

    Sends `{"type": "page", "rows": [...], "running": n, "as_of": "..."}` at first and when an order appeared or
    left, `{"type": "rows", "rows": [...], "as_of": "..."}` when only figures changed; each at most once a second.
    Closes with 4401 without a login (or when it ended), 4403 without the right to see orders.
    """

    follower: asyncio.Task | None = None
    running: int | None = None

    async def connect(self) -> None:
        self.groups_joined: set[str] = set()
        self.shown: dict[str, dict[str, Any]] = {}
        self.news = asyncio.Event()
        self.changed: set[str] = set()
        self.moved = False
        query_string = self.scope.get("query_string", b"").decode("latin-1")
        self.query = live_orders.parse(dict(parse_qsl(query_string)))
        self.language = _language(self.scope)
        # Accepted first: a browser cannot read why a handshake was refused, but it can read a close code.
        await self.accept()
        if await self._page():
            self._hear(moved=True)  # what changed between the first reading and joining the groups
            self.follower = asyncio.create_task(self._follow())

    async def disconnect(self, code: int) -> None:
        if self.follower is not None and self.follower is not asyncio.current_task():
            self.follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.follower
        await self._join(set())

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Nothing a page says changes anything here."""

    async def order_update(self, message: dict[str, Any]) -> None:
        self.changed.add(message["order_no"])
        self._hear()

    async def orders_moved(self, message: dict[str, Any]) -> None:
        self._hear(moved=True)

    def _hear(self, *, moved: bool = False) -> None:
        self.moved = self.moved or moved
        self.news.set()

    async def _follow(self) -> None:
        last_page = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), max(last_page + REREAD_S - time.monotonic(), 0.0))
            self.news.clear()
            began = time.monotonic()
            whole = self.moved or began - last_page >= REREAD_S
            changed, self.changed, self.moved = self.changed, set(), False
            if whole:
                last_page = began
            if not (await self._page() if whole else await self._rows(changed)):
                return
            await asyncio.sleep(max(0.0, PAUSE_S - (time.monotonic() - began)))

    async def _page(self) -> bool:
        """Read the page, follow its rows, send what changed; False when the socket was closed."""
        found = await self._read(None)
        if found is None:
            return False
        rows = {row["order_no"]: row for row in found["rows"]}
        same_orders = list(rows) == list(self.shown)
        before, self.shown = self.shown, rows
        await self._join({*found["groups"], *(f"order.{order_no}" for order_no in rows)})
        if unheard := set(rows) - set(before):  # what such an order said before its group was joined
            self.changed |= unheard
            self._hear()
        if not same_orders or found["running"] != self.running:
            self.running = found["running"]
            await self.send_json(
                {
                    "type": "page",
                    "rows": list(rows.values()),
                    "running": self.running,
                    "as_of": found["as_of"],
                }
            )
            return True
        return await self._send([row for no, row in rows.items() if before.get(no) != row], found["as_of"])

    async def _rows(self, changed: set[str]) -> bool:
        """Read the rows that were named and send those that changed; an order that left makes a whole page."""
        wanted = changed & set(self.shown)
        if not wanted:
            return True
        found = await self._read(wanted)
        if found is None:
            return False
        rows = {row["order_no"]: row for row in found["rows"]}
        if wanted - set(rows):
            return await self._page()
        new = [row for no, row in rows.items() if self.shown[no] != row]
        self.shown.update(rows)
        return await self._send(new, found["as_of"])

    async def _send(self, rows: list[dict[str, Any]], as_of: str) -> bool:
        if rows:
            await self.send_json({"type": "rows", "rows": rows, "as_of": as_of})
        return True

    async def _read(self, order_nos: set[str] | None) -> dict[str, Any] | None:
        session = self.scope.get("session")
        key = getattr(session, "session_key", None)
        user = self.scope.get("user")
        code, found = await in_database(
            _read, getattr(user, "pk", None), key, self.query, order_nos, self.language
        )
        if code:
            await self.close(code=code)
            return None
        return found

    async def _join(self, groups: set[str]) -> None:
        for group in self.groups_joined - groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in groups - self.groups_joined:
            await self.channel_layer.group_add(group, self.channel_name)
        self.groups_joined = groups


def _read(
    staff_id: int | None,
    session_key: str | None,
    query: live_orders.Query,
    order_nos: set[str] | None,
    language: str,
) -> tuple[int, dict[str, Any]]:
    """(close code or 0, rows of the page or of `order_nos`), read as whoever the session belongs to now."""
    staff = _logged_in(staff_id, session_key)
    if staff is None:
        return UNAUTHORIZED, {}
    if not staff.has_perm(live_orders.PERMISSION):
        return FORBIDDEN, {}
    actor, found = of_staff(staff), {}
    with translation.override(language):
        if order_nos is None:
            orders, _more, found["running"] = live_orders.page_of(actor, query)
            operators = selectors.board_operators(actor=actor)
            found["groups"] = (
                ["orders.platform"] if operators is None else [f"orders.operator.{pk}" for pk in operators]
            )
        else:
            orders = live_orders.some_of(actor, query, order_nos)
        found["rows"] = [live_orders.row_json(order) for order in orders]
    found["as_of"] = timezone.localtime(clock.now()).strftime("%H:%M:%S")
    return 0, found


def _logged_in(staff_id: int | None, session_key: str | None) -> Staff | None:
    """The staff member behind a session that still holds: not logged out, same password, still active."""
    if staff_id is None or not session_key:
        return None
    staff = Staff.objects.filter(pk=staff_id, is_active=True, is_staff=True).first()
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    kept = session.get(HASH_SESSION_KEY) or ""
    if staff is None or not constant_time_compare(kept, staff.get_session_auth_hash()):
        return None
    return staff


def _language(scope: dict[str, Any]) -> str:
    """The reader's language: their cookie, else their browser's, as `LocaleMiddleware` finds it for a page."""
    wanted = [scope.get("cookies", {}).get(settings.LANGUAGE_COOKIE_NAME, "")]
    header = dict(scope.get("headers") or []).get(b"accept-language", b"").decode("latin-1")
    wanted += [part.split(";")[0].strip() for part in header.split(",")]
    for code in filter(None, wanted):
        with contextlib.suppress(LookupError):
            return translation.get_supported_language_variant(code)
    return translation.get_supported_language_variant("zh-hans")
