"""The answer to WebSockets nobody serves."""


async def unknown_path(scope, receive, send) -> None:
    """Refuse the handshake (HTTP 403) instead of raising for every stray client."""
    await receive()
    await send({"type": "websocket.close", "code": 4404})
