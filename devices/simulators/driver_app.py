"""A driver's app, reduced to what a charge needs: the public driver API over HTTP."""

import secrets
from typing import Any

import httpx


class Refusal(Exception):
    """The platform said no: its problem code, status and sentence."""

    def __init__(self, status: int, code: str, detail: str, params: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.params = params or {}


class DriverApp:
    """One driver's session. Every method raises `Refusal`, or `httpx.HTTPError` when the platform is away."""

    def __init__(self, client: httpx.AsyncClient, *, phone: str, token: str) -> None:
        self._client = client
        self.phone = phone
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    async def start(self, connector_code: str) -> dict[str, Any]:
        """Start charging; returns the order."""
        key = {"Idempotency-Key": secrets.token_hex(16)}
        return await self._ask("POST", "orders", headers=key, json={"connector_code": connector_code})

    async def order(self, order_no: str) -> dict[str, Any]:
        """The order as it is now."""
        return await self._ask("GET", f"orders/{order_no}")

    async def stop(self, order_no: str) -> dict[str, Any]:
        """Ask for the end of a charge."""
        return await self._ask("POST", f"orders/{order_no}/stop")

    async def running(self) -> list[dict[str, Any]]:
        """The driver's open orders."""
        return (await self._ask("GET", "orders", params={"running": "true"}))["results"]

    async def _ask(
        self, method: str, path: str, headers: dict | None = None, **options: Any
    ) -> dict[str, Any]:
        response = await self._client.request(
            method, f"/api/v1/driver/{path}", headers=self._headers | (headers or {}), **options
        )
        if response.is_success:
            return response.json()
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        raise Refusal(
            response.status_code,
            problem.get("code", "unknown"),
            problem.get("detail", ""),
            problem.get("params"),
        )
