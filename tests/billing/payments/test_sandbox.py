"""The sandbox as people and processes meet it: its pages, its control address, its command, its strictness."""

import json
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from billing.payments.sandbox.callbacks import Caller, call_once
from billing.services import refund_sending, refunds
from tests.billing.payments.desk import JOB, ask_refund, balance, open_payment, work_refunds
from tests.factories import DriverFactory
from tests.settings_reader import refusal_of

ROOT = Path(__file__).resolve().parents[3]


def page(url, **form):
    if form:
        return httpx.post(url, data=form, trust_env=False)
    return httpx.get(url, trust_env=False)


class TestPages:
    def test_the_payer_may_turn_away_or_pay(self, desk):
        driver = DriverFactory()
        url = open_payment(driver).pay_params["code_url"]
        shown = page(url)
        assert "50.00" in shown.text and "支付" in shown.text and 'lang="zh-Hans"' in shown.text
        assert page(url, do="cancel").headers["Location"] == "/"
        assert balance(driver) == 0
        assert page(url, do="pay").headers["Location"].startswith("/code/")
        assert balance(driver) == 5_000 and "已支付" in page(url).text
        page(url, do="pay")
        assert balance(driver) == 5_000 and len(desk.sandbox.told) == 1
        assert "<form" not in page(url).text
        assert url.rsplit("/", 1)[1] in page(desk.sandbox.url).text

    @pytest.mark.parametrize(
        ("fault", "credited"),
        [
            ("", 5_000),
            ("duplicate", 5_000),
            ("never", 0),
            ("wrong_key", 0),
            ("wrong_amount", 0),
            ("replay", 0),
        ],
    )
    def test_the_page_can_misbehave_once(self, desk, fault, credited):
        driver = DriverFactory()
        page(open_payment(driver).pay_params["code_url"], do="pay", fault=fault)
        assert balance(driver) == credited
        other = DriverFactory()
        page(open_payment(other).pay_params["code_url"], do="pay")
        assert balance(other) == 5_000

    def test_what_is_not_there(self, sandbox):
        assert page(f"{sandbox.url}/code/nothing").status_code == 404
        assert page(f"{sandbox.url}/nothing").status_code == 404
        assert (
            page(f"{sandbox.url}/gateway.do").json()["error_response"]["sub_code"] == "isv.missing-signature"
        )
        assert page(f"{sandbox.url}/v3/certificates").status_code == 401
        assert httpx.post(sandbox.url, content=b"x" * 70_000, trust_env=False).status_code == 413


class TestControl:
    def test_faults_and_payments_by_json(self, desk):
        control = f"{desk.sandbox.url}/_sandbox"
        driver = DriverFactory()
        payment = open_payment(driver)
        faults = httpx.post(f"{control}/faults", json={"drop_callback": True}, trust_env=False).json()
        assert faults["drop_callback"] is True
        paid = httpx.post(f"{control}/pay", json={"number": payment.out_trade_no}, trust_env=False)
        assert paid.json() == {"number": payment.out_trade_no, "state": "paid"} and balance(driver) == 0
        assert httpx.post(f"{control}/faults", json={}, trust_env=False).json()["drop_callback"] is False

    @pytest.mark.parametrize(
        "body", ["[]", "{", '{"nothing": 1}', '{"fail_next": "x"}', '{"drop_callback": 3}']
    )
    def test_a_fault_it_does_not_know_changes_nothing(self, sandbox, body):
        before = replace(sandbox.faults)
        assert httpx.post(f"{sandbox.url}/_sandbox/faults", content=body, trust_env=False).status_code == 400
        assert sandbox.faults == before

    @pytest.mark.parametrize("body", ["[]", "{", "{}", '{"number": "P9"}', '{"number": []}'])
    def test_paying_what_is_not_there(self, sandbox, body):
        assert httpx.post(f"{sandbox.url}/_sandbox/pay", content=body, trust_env=False).status_code == 400


class TestCaller:
    def test_a_refused_notice_comes_again_by_the_plan(self, monkeypatch):
        from billing.payments.sandbox import callbacks

        monkeypatch.setitem(callbacks.PLANS_S, "wechat", (0.05, 0.05, 0.05))
        answers = iter([False, False, True])
        seen = []

        def call(channel, url, build):
            seen.append(time.monotonic())
            return next(answers), "x"

        monkeypatch.setattr(callbacks, "call_once", call)
        caller = Caller()
        caller.deliver("wechat", "http://127.0.0.1:9", lambda: ({}, b""), delay_s=0.1)
        started = time.monotonic()
        while len(seen) < 3 and time.monotonic() < started + 10:
            time.sleep(0.02)
        time.sleep(0.2)
        caller.stop()
        assert len(seen) == 3 and seen[0] - started >= 0.08

    def test_nobody_there_is_a_refusal(self):
        accepted, text = call_once("alipay", "http://127.0.0.1:9/x", lambda: ({}, b""))
        assert not accepted and "Connect" in text

    def test_by_itself_it_calls_back_and_finishes_refunds(self, desk):
        desk.sandbox.by_itself = True
        desk.sandbox.misbehave(refund_delay_s=0.05, refund_gap_s=0.0)
        driver = DriverFactory()
        payment = open_payment(driver)
        desk.sandbox.pay(payment.out_trade_no)
        assert soon(lambda: balance(driver) == 5_000)
        refund = ask_refund(driver, 1_000)
        refunds.approve_refund(actor=JOB, refund=refund)
        work_refunds()
        assert soon(lambda: refund.parts.filter(next_at__lte=timezone.now()).exists()), "told of its end"
        refund_sending.work_due_refunds(actor=JOB)
        refund.refresh_from_db()
        assert refund.state == "succeeded"


def soon(happened, within_s=10.0) -> bool:
    """Whether it happens before the time is over."""
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def command(tmp_path, *arguments, **environment):
    import os

    return subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", *arguments],
        cwd=ROOT,
        env={**os.environ, "EV_DATA_DIR": str(tmp_path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestCommand:
    def test_it_says_where_it_is_and_ends_cleanly(self, tmp_path):
        process = command(tmp_path, "--port", "0", EV_ENV="test")
        try:
            assert select.select([process.stdout], [], [], 30)[0]
            line = process.stdout.readline()
            url = re.search(r"EV_PAYMENT_SANDBOX=(http://127\.0\.0\.1:\d+)", line)[1]
            assert page(url).status_code == 200
            assert json.loads((tmp_path / "sandbox" / "merchant.json").read_text()).keys() == {
                "wechat",
                "alipay",
                "login",
                "invoice",
            }
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip(), err) == (0, "Stopped.", "")

    def test_a_taken_port_is_one_line(self, tmp_path, sandbox):
        port = sandbox.url.rsplit(":", 1)[1]
        out, err = command(tmp_path, "--port", port, EV_ENV="test").communicate(timeout=30)
        assert out == "" and err.startswith(f"CommandError: Cannot listen on 127.0.0.1:{port}")


SETTINGS = {
    "EV_SECRET_KEY": "s" * 50,
    "EV_DATABASE_URL": "postgres://a@127.0.0.1/a",
    "EV_REDIS_URL": "redis://127.0.0.1:1/0",
}


class TestSettings:
    @pytest.fixture
    def pem(self, tmp_path, sandbox_keys):
        path = tmp_path / "key.pem"
        path.write_text(sandbox_keys.merchant_key)
        return str(path)

    def wechat(self, pem, **changes):
        values = {
            "EV_WECHAT_MCHID": "1900000001",
            "EV_WECHAT_APPID": "wx1",
            "EV_WECHAT_CERT_SERIAL": "AB",
            "EV_WECHAT_APIV3_KEY": "k" * 32,
            "EV_WECHAT_PRIVATE_KEY_FILE": pem,
            "EV_PAYMENT_NOTIFY_URL": "https://pay.example.com",
        }
        return {key: value for key, value in {**values, **changes}.items() if value is not None}

    def test_production_takes_the_real_channels_only(self, pem):
        production = {"EV_ENV": "production", **SETTINGS}
        assert refusal_of(**production, **self.wechat(pem)) == ""
        for changes, word in (
            ({"EV_WECHAT_URL": "http://127.0.0.1:8900"}, "EV_WECHAT_URL"),
            ({"EV_WECHAT_URL": "https://api.mch.weixin.qq.com.example.com"}, "EV_WECHAT_URL"),
            ({"EV_WECHAT_URL": "https://api.mch.weixin.qq.com:444"}, "EV_WECHAT_URL"),
            ({"EV_PAYMENT_SANDBOX": "http://127.0.0.1:8900"}, "EV_PAYMENT_SANDBOX"),
            ({"EV_PAYMENT_NOTIFY_URL": "http://pay.example.com"}, "EV_PAYMENT_NOTIFY_URL"),
        ):
            said = refusal_of(**production, **self.wechat(pem, **changes))
            assert word in said, said

    @pytest.mark.promise(11)
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"EV_WECHAT_APPID": None}, "EV_WECHAT_APPID is missing"),
            ({"EV_WECHAT_APIV3_KEY": "short"}, "32 bytes"),
            ({"EV_WECHAT_PRIVATE_KEY_FILE": "/nothing"}, "cannot be read"),
            ({"EV_WECHAT_PRIVATE_KEY_FILE": str(ROOT / "manage.py")}, "not a PEM file"),
            ({"EV_WECHAT_URL": "weixin"}, "is not an address"),
            ({"EV_WECHAT_PUBLIC_KEY_ID": "PUB_KEY_ID_1"}, "EV_WECHAT_PUBLIC_KEY_FILE is missing"),
            ({"EV_ALIPAY_APP_ID": "2021"}, "EV_ALIPAY_SELLER_ID is missing"),
            ({"EV_PAYMENT_EXPIRE_S": "5"}, "outside 60 to 7200"),
        ],
    )
    def test_a_wrong_setting_is_one_clear_line(self, pem, changes, words):
        said = refusal_of(**self.wechat(pem, **changes))
        assert words in said, said

    def test_production_does_not_run_the_sandbox(self, tmp_path):
        process = command(tmp_path, "--port", "0", EV_ENV="production", **SETTINGS)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 1 and out == "" and "EV_ENV=production" in err
        assert not (tmp_path / "sandbox").exists()

    def test_nothing_of_it_is_in_the_repository(self):
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=django_settings.BASE_DIR, capture_output=True, text=True
        ).stdout
        assert not re.search(r"\.pem$|merchant\.json$", tracked, re.M)
