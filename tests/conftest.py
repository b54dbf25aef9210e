"""What every test gets: its own Redis database per worker, fast password hashes, a clean cache."""

import contextlib
import os
from urllib.parse import urlsplit, urlunsplit

import pytest


def _redis_database(url: str, worker: str) -> str:
    number = int(worker.removeprefix("gw") or 0) + 1
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def pytest_configure(config):
    from django.conf import settings

    # Tests hash many passwords and check none of the strength.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Every test client makes its own middleware: none of them lists the static files first.
    settings.WHITENOISE_AUTOREFRESH = True
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if settings.EV_REDIS_URL and worker:
        url = _redis_database(settings.EV_REDIS_URL, worker)
        os.environ["EV_REDIS_URL"] = url  # for the processes that tests start
        settings.EV_REDIS_URL = url
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"] = [url]
        settings.CACHES["default"]["LOCATION"] = url
    _prepare_sqlite()

    from tests import emptying

    emptying.install()


def _prepare_sqlite() -> None:
    """Threads of a test need a database file: an in-memory one belongs to its connection."""
    import tempfile
    from pathlib import Path

    from django.conf import settings

    database = settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        name = f"ev-tests-{os.getppid()}-{os.getpid()}.sqlite3"
        database.setdefault("TEST", {})["NAME"] = str(Path(tempfile.gettempdir()) / name)


if os.environ.get("PYTEST_XDIST_WORKER"):

    @pytest.fixture(scope="session")
    def django_db_setup(request, django_test_environment, django_db_blocker):
        """One migrated database, copied for every worker, in the place of pytest-django's set-up."""
        from tests.databases import copied_database

        stack = contextlib.ExitStack()
        with django_db_blocker.unblock():
            run = request.config.workerinput["testrunuid"]
            stack.enter_context(copied_database(run, os.environ["PYTEST_XDIST_WORKER"]))
        yield
        with django_db_blocker.unblock():
            stack.close()


@pytest.fixture(autouse=True)
def _clean_cache():
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(autouse=True)
def _own_language():
    """Every test begins in the platform's own language, whatever the last request of the one before spoke."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(autouse=True)
def _marked_messages_cross_a_socket(request):
    """A test that carries `message` marks fails unless a gateway of this process heard or said each of them."""
    marks = list(request.node.iter_markers("message"))
    if not marks:
        yield
        return
    from tests.wiretap import Wiretap

    with Wiretap() as wiretap:
        yield
    missing = [text for mark in marks for text in wiretap.missing(*mark.args)]
    assert not missing, f"marked, but did not cross a socket: {', '.join(missing)}"


@pytest.fixture
def live_gateway(transactional_db):
    """The web server and the device listeners on free ports, over the test database."""
    from tests.live import LiveGateway

    gateway = LiveGateway()
    gateway.start()
    yield gateway
    gateway.stop()


def pytest_collection_modifyitems(config, items):
    """Leave out what asks PostgreSQL itself on SQLite, and let whole processes start first.

    The longest tests at the end would leave one core idle.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        out = [item for item in items if item.get_closest_marker("postgresql_only")]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]
    items.sort(key=lambda item: "/platform/test_" not in item.nodeid)
