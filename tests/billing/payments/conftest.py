"""The sandbox on a real port, the platform configured as its merchant, and callbacks into a live web server."""

from dataclasses import replace

import pytest
from django.db import connection

from billing.payments.sandbox import Sandbox
from billing.payments.sandbox.keys import Keys
from tests.billing.payments.desk import Desk
from tests.live import LiveGateway


@pytest.fixture(scope="session")
def sandbox_keys() -> Keys:
    """Made once per run: RSA keys take a moment."""
    return Keys()


@pytest.fixture
def sandbox(tmp_path, sandbox_keys):
    """A sandbox that does what it is told, when it is told."""
    running = Sandbox(tmp_path, keep=False, by_itself=False, keys=replace(sandbox_keys)).start()
    running.faults.refund_gap_s = 0
    yield running
    running.stop()


@pytest.fixture
def channels(settings, sandbox):
    """Both channels on, against the sandbox; notices go nowhere yet."""
    merchant = sandbox.keys.merchant()
    settings.PAYMENT_CHANNELS = {
        "wechat": {**merchant["wechat"], "url": sandbox.url},
        "alipay": {**merchant["alipay"], "url": f"{sandbox.url}/gateway.do"},
    }
    settings.PAYMENT_NOTIFY_BASE = "http://127.0.0.1:9"
    return settings


@pytest.fixture
def desk(transactional_db, channels, sandbox):
    """A live web server that the sandbox calls back."""
    gateway = LiveGateway()
    gateway.start()
    channels.PAYMENT_NOTIFY_BASE = gateway.http_url
    yield Desk(sandbox, gateway)
    gateway.stop()
    connection.close()
