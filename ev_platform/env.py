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


def mqtt_url(name: str, value: str) -> str:
    """A broker's URL, or empty for none; what it holds besides host, port, user and password is an error."""
    if not value:
        return ""
    accepted = "mqtt://host:1883 or mqtts://user:password@host:8883"
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("mqtt", "mqtts") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good or parts.path.strip("/") or parts.query:
        raise ImproperlyConfigured(f"{name} is not the URL of an MQTT broker such as {accepted}")
    return value


def mqtt_prefix(name: str, default: str) -> str:
    """The first part of every topic: one or more levels without wildcards."""
    value = os.environ.get(name, "").strip("/") or default
    if set(value) & set("+#$") or "//" in value or len(value) > 64:
        raise ImproperlyConfigured(
            f"{name}={value!r} is no topic prefix: at most 64 characters without +, # and $"
        )
    return value


def readable_file(name: str) -> str:
    """A path that can be read, or empty."""
    value = os.environ.get(name, "")
    if value and not os.access(value, os.R_OK):
        raise ImproperlyConfigured(f"{name}={value!r} cannot be read")
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
