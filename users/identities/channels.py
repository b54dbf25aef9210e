"""Which apps drivers may log in by, and the client of each: from the settings, or from the sandbox's key folder."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from users.identities.alipay import AlipayLogin, AlipayLoginConfig
from users.identities.provider import IdentityProvider
from users.identities.wechat import WeChatLogin, WeChatLoginConfig

# Where `manage.py sandbox` tells the platform who it is there, and its address of each provider.
SANDBOX_FILE = "sandbox/merchant.json"
SANDBOX_PATHS = {"wechat": "", "alipay": "/gateway.do"}
_KINDS: dict[str, tuple[Any, Any]] = {
    "wechat": (WeChatLoginConfig, WeChatLogin),
    "alipay": (AlipayLoginConfig, AlipayLogin),
}


class LoginOff(Exception):
    """The provider is not configured."""


def login_providers() -> list[str]:
    """Names of the providers that are on."""
    return [name for name in _KINDS if _values(name) is not None]


def provider_of(name: str) -> IdentityProvider:
    """The client of a provider, one per process and configuration; raises `LoginOff`."""
    values = _values(name) if name in _KINDS else None
    if values is None:
        raise LoginOff(name)
    return _client(name, tuple(sorted(values.items())))


def _values(name: str) -> dict[str, Any] | None:
    return settings.LOGIN_PROVIDERS.get(name) or _from_sandbox(name)


def _from_sandbox(name: str) -> dict[str, Any] | None:
    if not settings.PAYMENT_SANDBOX_URL:
        return None
    try:
        content = json.loads((Path(settings.EV_DATA_DIR) / SANDBOX_FILE).read_text(encoding="utf-8"))
        values = content["login"][name]
    except (OSError, ValueError, KeyError):
        return None  # the sandbox has not been started yet
    return {**values, "url": settings.PAYMENT_SANDBOX_URL + SANDBOX_PATHS[name]}


@lru_cache(maxsize=16)
def _client(name: str, values: tuple[tuple[str, Any], ...]) -> IdentityProvider:
    config, client = _KINDS[name]
    return client(config(**dict(values)))
