"""The live order over a WebSocket: the same JSON as by REST, pushed when it changes, once a second at most."""

import asyncio
import contextlib
import time
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.utils import translation

from billing.api.orders import order_json
from billing.models import ChargingOrder
from billing.selectors import order_get
from kernel.errors import DomainError
from kernel.runtime.dbpool import in_database
from users import actors
from users.services import tokens

BAD_TOKEN, UNKNOWN_ORDER = 4401, 4404
SUBPROTOCOL = "ev.bearer"
PAUSE_S = 1.0
REREAD_S = 10.0  # a push may be lost, and a gateway in another process may have no way to push
FINAL = (ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)


class DriverOrderConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/driver/orders/<order_no>/`; token as `?token=` or as subprotocols `ev.bearer, <token>`.

    Sends the order at once and after every change. Closes with 4401 for a token that is not (or no longer)
    valid, 4404 for an order that is not the driver's, 1000 after the last state. What the client sends is
    ignored.
    """

    order_no = ""
    group = ""
    reader: asyncio.Task | None = None

    async def connect(self) -> None:
        offered = self.scope.get("subprotocols") or []
        by_protocol = len(offered) == 2 and offered[0] == SUBPROTOCOL
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        self.token = offered[1] if by_protocol else (query.get("token") or [""])[0]
        self.order_no = self.scope["url_route"]["kwargs"]["order_no"]
        self.language = _language(self.scope)
        # Accepted first: a browser cannot read why a handshake was refused, but it can read a close code.
        await self.accept(SUBPROTOCOL if by_protocol else None)
        self.group = f"order.{self.order_no}"
        self.dirty = asyncio.Event()
        self.last: dict[str, Any] | None = None
        if await self._push():
            await self.channel_layer.group_add(self.group, self.channel_name)
            self.dirty.set()  # what changed between the first reading and joining the group
            self.reader = asyncio.create_task(self._follow())

    async def disconnect(self, code: int) -> None:
        if self.reader is not None and self.reader is not asyncio.current_task():
            self.reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.reader
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Nothing a client says changes anything here."""

    async def order_update(self, message: dict[str, Any]) -> None:
        """The order changed: read it again soon."""
        self.dirty.set()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.dirty.wait(), REREAD_S)
            self.dirty.clear()
            began = time.monotonic()
            if not await self._push():
                return
            await asyncio.sleep(max(0.0, PAUSE_S - (time.monotonic() - began)))

    async def _push(self) -> bool:
        """Read, send when something changed; False when the socket was closed."""
        close, order = await in_database(_read, self.token, self.order_no, self.language)
        if order is not None and order != self.last:
            self.last = order
            await self.send_json(order)
        if close:
            await self.close(code=close)
            return False
        return True


def _read(token: str, order_no: str, language: str) -> tuple[int, dict[str, Any] | None]:
    driver = tokens.driver_of_token(token)
    if driver is None:
        return BAD_TOKEN, None
    if not order_no.isalnum():
        return UNKNOWN_ORDER, None
    try:
        with translation.override(language):
            order = order_get(actor=actors.of_driver(driver), order_no=order_no)
            body = order_json(order)
    except DomainError:
        return UNKNOWN_ORDER, None
    return (1000 if order.state in FINAL else 0), body


def _language(scope: dict[str, Any]) -> str:
    """The reader's language, as `LocaleMiddleware` finds it for a request."""
    header = dict(scope.get("headers") or []).get(b"accept-language", b"").decode("latin-1")
    for part in header.split(","):
        with contextlib.suppress(LookupError):
            return translation.get_supported_language_variant(part.split(";")[0].strip())
    return translation.get_supported_language_variant("zh-hans")
