"""WebSocket addresses of this app."""

websocket_urlpatterns: list = []
