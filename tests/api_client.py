"""A caller of the driver API as tests need one: its own address, its own token, JSON in and out."""

import itertools
import secrets
from typing import Any

from django.test import Client

from kernel.actor import system
from users.models import Driver
from users.services import tokens

_COUNTER = itertools.count(secrets.randbelow(10**8))
API = "/api/v1/driver/"


def fresh_phone() -> str:
    """A number no other test of this run uses: throttles and pauses are per phone."""
    return f"188{next(_COUNTER) % 10**8:08d}"


def fresh_ip() -> str:
    number = next(_COUNTER)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class ApiClient:
    """`driver=None` calls without a token; the language is English unless told."""

    def __init__(self, driver: Driver | None = None, *, language: str = "en", token: str = ""):
        self._client = Client(raise_request_exception=False, REMOTE_ADDR=fresh_ip())
        self.token = token or (tokens.issue_token(actor=system("tests"), driver=driver) if driver else "")
        self.language = language

    def call(self, method: str, path: str, body: Any = None, **headers: str):
        """Call `path` under the API (or an absolute path) and return Django's response."""
        url = path if path.startswith("/") else API + path
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        headers.setdefault("Accept-Language", self.language)
        kwargs: dict[str, Any] = {"headers": headers}
        if method == "GET":
            return self._client.get(url, body, **kwargs)
        data = body if isinstance(body, str | bytes) else ({} if body is None else body)
        return self._client.generic(
            method, url, self._encode(data), content_type="application/json", **kwargs
        )

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str):
        return self.call("GET", path, query, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self.call("POST", path, body, **headers)

    @staticmethod
    def _encode(data: Any) -> bytes:
        import json

        if isinstance(data, bytes):
            return data
        return data.encode() if isinstance(data, str) else json.dumps(data).encode()


def assert_problem(response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, checked for shape, status and code."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert {"type", "title", "status", "code", "detail"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["detail"]
    return body
