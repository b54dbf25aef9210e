"""What the benchmarks of one run share: the environment of the measured processes and their private database."""

import os
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


class NoServices(RuntimeError):
    """There is no PostgreSQL or Redis to measure on."""


class Databases:
    """Empty databases next to the one of `EV_DATABASE_URL`, dropped at the end."""

    def __init__(self) -> None:
        self._url = os.environ.get("EV_DATABASE_URL", "")
        if not self._url or not os.environ.get("EV_REDIS_URL"):
            raise NoServices("EV_DATABASE_URL and EV_REDIS_URL are not set; `make bench` brings both up")
        self._made: list[str] = []

    def new(self) -> str:
        """The URL of a new database."""
        name = f"ev_bench_{secrets.token_hex(4)}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._made.append(name)
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def drop(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for name in self._made:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )


def environment(database_url: str, *, redis: bool = True, **more: str) -> Mapping[str, str]:
    """The environment of a measured process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EV_")}
    if database_url:
        kept["EV_DATABASE_URL"] = database_url
    if redis:
        kept["EV_REDIS_URL"] = os.environ["EV_REDIS_URL"]
    return {**kept, "EV_ENV": "test", "EV_LOG_LEVEL": "ERROR", **more}
