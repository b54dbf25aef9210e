"""Readers of `EV_*` variables that name what is wrong and what is accepted."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def choice(name: str, default: str, accepted: tuple[str, ...]) -> str:
    value = os.environ.get(name, default)
    if value not in accepted:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(accepted)}")
    return value


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is not a yes or no; use 1 or 0")


def integer(name: str, default: int, lowest: int, highest: int) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a whole number from {lowest} to {highest}"
        ) from None
    if not lowest <= number <= highest:
        raise ImproperlyConfigured(f"{name}={number} is outside {lowest} to {highest}")
    return number


def port(name: str, default: int) -> int:
    return integer(name, default, 0, 65535)


def optional_port(name: str) -> int | None:
    """A port, or None when the variable is not set or empty."""
    return port(name, 0) if os.environ.get(name) else None


def header_name(name: str) -> str:
    """The name of an HTTP header, or empty (RFC 9110 §5.1)."""
    value = os.environ.get(name, "")
    if value and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value):
        raise ImproperlyConfigured(f"{name}={value!r} is not a header name such as X-Client-Cert")
    return value


def ascii_text(name: str, default: str, most: int) -> str:
    value = os.environ.get(name, default)
    if not value.isascii() or len(value) > most:
        raise ImproperlyConfigured(f"{name}={value!r} must be at most {most} ASCII characters")
    return value


def redis_url(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.path):
        raise ImproperlyConfigured(f"{name}={value!r} is not a Redis URL such as redis://127.0.0.1:6379/0")
    return value


def database(url: str, data_dir: Path, *, pool_size: int) -> dict:
    """Database configuration: PostgreSQL from a URL, or the embedded SQLite file in the data folder."""
    if not url:
        return {
            "ENGINE": "kernel.runtime.sqlite3",
            "NAME": data_dir / "ev.sqlite3",
            "CONN_MAX_AGE": 600,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                    "PRAGMA cache_size=-20000;PRAGMA mmap_size=134217728;"
                ),
            },
        }
    if urlsplit(url).scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"EV_DATABASE_URL={url!r} is not a PostgreSQL URL such as postgres://user:password@127.0.0.1/ev"
        )
    config = environ.Env.db_url_config(url)
    options = config.setdefault("OPTIONS", {})
    if os.environ.get("EV_DATABASE_POOL", "1") != "0":
        # psycopg's own pool: half the p99 of one connection per thread (measured, see docs/adr/0004).
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 20}
    config["CONN_MAX_AGE"] = 0
    return config
