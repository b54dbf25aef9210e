"""The real clients against the sandbox over HTTP: what is accepted, refused, and not believed."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from billing.payments import channels as channel_settings
from billing.payments.alipay import fen_of, yuan
from billing.payments.channels import provider_of
from billing.payments.merchants import WeChatConfig
from billing.payments.provider import (
    NoticeRefused,
    PayRequest,
    ProviderRefused,
    ProviderUnknown,
    RefundRequest,
    RefundState,
    TradeState,
)
from billing.payments.sandbox.keys import sign
from billing.payments.wechat import WeChatProvider

WAYS = [(c, w) for c, ways in {"wechat": ("native", "jsapi", "app", "h5"),
                               "alipay": ("wap", "page", "app", "qr")}.items() for w in ways]  # fmt: skip
BOTH = pytest.mark.parametrize("channel", ["wechat", "alipay"])


def ask(number="P00000001", way="native", **changes):
    fields = {
        "out_trade_no": number,
        "way": way,
        "amount_fen": 1234,
        "subject": "充电账户充值",
        "expires_at": timezone.now() + timedelta(minutes=30),
        "openid": "oPayer",
    }
    return PayRequest(**{**fields, **changes})


def opened(sandbox, channel, number="P00000001"):
    """A provider and a payment that its payer has opened."""
    provider = provider_of(channel)
    params = provider.create(ask(number, "native" if channel == "wechat" else "wap"))
    if channel == "alipay":
        assert httpx.get(params["pay_url"], trust_env=False).status_code == 303
    return provider


def notice(sandbox, channel, **faults):
    """Headers and body of a genuine notice, or of one with these faults."""
    if (channel, "P00000001") not in sandbox.book.trades:
        opened(sandbox, channel)
    row = sandbox.trade("P00000001")
    if row.state == "unpaid":
        sandbox.misbehave(drop_callback=True)
        sandbox.pay("P00000001")
    return sandbox.side(channel).notice_of(row, "notice-1", replace(sandbox.faults, **faults))


@pytest.mark.usefixtures("channels")
@pytest.mark.feature("WAL-01", "WAL-02", "WAL-03")
class TestCalls:
    @pytest.mark.parametrize(("channel", "way"), WAYS)
    def test_every_way_gives_what_the_payers_app_can_open(self, sandbox, channel, way):
        params = provider_of(channel).create(ask(way=way))
        if way == "app" and channel == "alipay":
            answer = httpx.get(f"{sandbox.url}/alipay/app?{params['order_string']}", trust_env=False)
        elif way in ("jsapi", "app"):
            answer = httpx.get(f"{sandbox.url}/wechat/app", params=params, trust_env=False)
        else:
            url = params.get("code_url") or params.get("h5_url") or params["pay_url"]
            answer = httpx.get(url, trust_env=False, follow_redirects=True)
        assert answer.status_code in (200, 303), answer.text
        row = sandbox.trade("P00000001")
        assert (row.amount_fen, row.way, row.state) == (1234, way, "unpaid")

    def test_parameters_that_somebody_changed_do_not_open(self, sandbox):
        params = provider_of("wechat").create(ask(way="app"))
        params["noncestr"] = "other"
        assert httpx.get(f"{sandbox.url}/wechat/app", params=params, trust_env=False).status_code == 400
        order = provider_of("alipay").create(ask(way="app"))["order_string"].replace("12.34", "0.01")
        assert httpx.get(f"{sandbox.url}/alipay/app?{order}", trust_env=False).status_code == 400

    @BOTH
    def test_query_tells_each_state(self, sandbox, channel):
        provider = provider_of(channel)
        assert provider.query("P00000001").state is TradeState.ABSENT
        opened(sandbox, channel)
        assert provider.query("P00000001").state is TradeState.UNPAID
        sandbox.misbehave(drop_callback=True)
        row = sandbox.pay("P00000001")
        trade = provider.query("P00000001")
        assert (trade.state, trade.amount_fen, trade.provider_no) == (TradeState.PAID, 1234, row.provider_no)
        assert trade.payer == row.payer and abs(trade.paid_at.timestamp() - row.paid_at) <= 1

    @BOTH
    def test_close_makes_paying_impossible_and_a_paid_one_refuses(self, sandbox, channel):
        provider = opened(sandbox, channel)
        provider.close("P00000001")
        provider.close("P00000009")  # one that nobody ever opened is as good as closed
        assert provider.query("P00000001").state is TradeState.CLOSED
        opened(sandbox, channel, "P00000002")
        sandbox.misbehave(drop_callback=True)
        sandbox.pay("P00000002")
        with pytest.raises(ProviderRefused):
            provider.close("P00000002")

    @BOTH
    def test_a_refund_is_asked_for_once_per_number(self, sandbox, channel):
        provider = opened(sandbox, channel)
        sandbox.misbehave(drop_callback=True, refund_gap_s=0.0)
        sandbox.pay("P00000001")
        part = RefundRequest(out_trade_no="P00000001", out_refund_no="R1-1", amount_fen=1000, paid_fen=1234)
        number = {"out_trade_no": "P00000001", "out_refund_no": "R1-1"}
        assert provider.query_refund(**number).state is RefundState.ABSENT
        for _ in range(3):
            assert provider.refund(part).state is RefundState.PROCESSING
        assert provider.query_refund(**number).state is RefundState.PROCESSING
        with pytest.raises(ProviderRefused) as refusal:
            provider.refund(replace(part, out_refund_no="R1-2"))
        assert not refusal.value.retryable
        with pytest.raises(ProviderRefused):
            provider.refund(replace(part, amount_fen=1))
        sandbox.finish_refunds()
        view = provider.query_refund(**number)
        assert (view.state, view.amount_fen) == (RefundState.SUCCEEDED, 1000)

    @BOTH
    @pytest.mark.parametrize(
        "fault", [{"tamper_answer": 1}, {"probe_answer": 1}, {"lose_answer": 1}, {"fail_next": 1}]
    )
    def test_an_answer_that_proves_nothing_leaves_the_state_unknown(self, sandbox, channel, fault):
        provider = opened(sandbox, channel)
        sandbox.misbehave(**fault)
        with pytest.raises(ProviderUnknown):
            provider.query("P00000001")
        assert provider.query("P00000001").state is TradeState.UNPAID

    def test_a_wrong_clock_wrong_key_or_repeated_request_is_refused_by_the_sandbox(self, sandbox, channels):
        config = WeChatConfig(**channels.PAYMENT_CHANNELS["wechat"], notify_url="http://127.0.0.1:9/x")
        wrong = WeChatProvider(replace(config, private_key=sandbox.keys.app_key))
        with pytest.raises(ProviderUnknown, match="SIGN_ERROR"):
            wrong.query("P00000001")
        target = f"/v3/pay/transactions/out-trade-no/P1?mchid={sandbox.keys.mchid}"

        def call(age_s, nonce):
            at = str(int(time.time()) - age_s)
            signature = sign(sandbox.keys.merchant_key, f"GET\n{target}\n{at}\n{nonce}\n\n")
            header = (
                f'WECHATPAY2-SHA256-RSA2048 mchid="{sandbox.keys.mchid}",nonce_str="{nonce}",'
                f'signature="{signature}",timestamp="{at}",serial_no="{sandbox.keys.cert_serial}"'
            )
            headers = {"Authorization": header, "Accept": "application/json"}
            return httpx.get(sandbox.url + target, headers=headers, trust_env=False).status_code

        assert [call(400, "a"), call(0, "b"), call(0, "b")] == [401, 404, 401]

    def test_platform_certificates_are_fetched_and_renewed(self, sandbox, channels):
        values = {**channels.PAYMENT_CHANNELS["wechat"], "public_key": "", "public_key_id": ""}
        channels.PAYMENT_CHANNELS = {"wechat": values}
        headers, body = notice(sandbox, "wechat")
        assert headers["Wechatpay-Serial"] == sandbox.keys.certificate_serial
        provider = provider_of("wechat")
        assert provider.read_notice(headers, body).trade.amount_fen == 1234
        sandbox.keys.rotate()
        headers, body = notice(sandbox, "wechat")
        assert provider.read_notice(headers, body).trade.amount_fen == 1234
        sandbox.keys.rotate()
        headers, body = notice(sandbox, "wechat")
        with pytest.raises(NoticeRefused, match="unknown_serial"):  # not twice within a minute
            provider.read_notice(headers, body)


@pytest.mark.usefixtures("channels")
class TestNotices:
    @BOTH
    def test_a_genuine_notice_is_read(self, sandbox, channel):
        read = provider_of(channel).read_notice(*notice(sandbox, channel))
        assert (read.notice_id, read.trade.state, read.trade.amount_fen) == (
            "notice-1",
            TradeState.PAID,
            1234,
        )
        assert read.trade.out_trade_no == "P00000001"

    @BOTH
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ({"wrong_key": True}, "bad_signature"),
            ({"stale_s": 27 * 3600}, "stale"),
            ({"stale_s": -600}, "stale"),
        ],
    )
    def test_a_forged_or_old_one_is_refused(self, sandbox, channel, fault, reason):
        with pytest.raises(NoticeRefused) as refusal:
            provider_of(channel).read_notice(*notice(sandbox, channel, **fault))
        assert refusal.value.reason == reason

    def test_wechat_is_given_five_minutes_and_its_probes_are_known(self, sandbox):
        provider = provider_of("wechat")
        provider.read_notice(*notice(sandbox, "wechat", stale_s=290))
        for fault, reason in (({"stale_s": 310}, "stale"), ({"probe_callback": True}, "probe")):
            with pytest.raises(NoticeRefused) as refusal:
                provider.read_notice(*notice(sandbox, "wechat", **fault))
            assert refusal.value.reason == reason

    @pytest.mark.parametrize(
        "name",
        ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial",
         "Wechatpay-Signature-Type"],
    )  # fmt: skip
    def test_a_missing_or_broken_wechat_header_is_refused_not_raised(self, sandbox, name):
        headers, body = notice(sandbox, "wechat")
        for value in (None, "", "PUB_KEY_ID_99", "x" * 400, "é", "-1", "٣"):
            broken = {key: val for key, val in headers.items() if key != name}
            if value is not None:
                broken[name] = value
            with pytest.raises(NoticeRefused):
                provider_of("wechat").read_notice(broken, body)

    @BOTH
    def test_a_changed_body_is_refused(self, sandbox, channel):
        headers, body = notice(sandbox, channel)
        other = body + b" " if channel == "wechat" else body.replace(b"12.34", b"12.35")
        for changed in (b"", b"\xff\xfe", other, body[:-9], b"null", b"a=b&a=c&sign=1&sign_type=RSA2"):
            with pytest.raises(NoticeRefused):
                provider_of(channel).read_notice(headers, changed)

    def test_a_notice_for_another_merchant_or_application_is_refused(self, sandbox):
        wechat, alipay = provider_of("wechat"), provider_of("alipay")
        mine = replace(sandbox.keys)
        for name, channel in (
            ("mchid", "wechat"),
            ("appid", "wechat"),
            ("app_id", "alipay"),
            ("seller_id", "alipay"),
        ):
            provider_of(channel).read_notice(*notice(sandbox, channel))
            setattr(sandbox.keys, name, "other")
            row = sandbox.trade("P00000001")
            foreign = sandbox.side(channel).notice_of(row, "n", sandbox.faults)
            setattr(sandbox.keys, name, getattr(mine, name))
            with pytest.raises(NoticeRefused) as refusal:
                (wechat if channel == "wechat" else alipay).read_notice(*foreign)
            assert refusal.value.reason == "not_ours"
            sandbox.book.trades.clear()


def test_a_channel_that_is_not_configured_is_off(settings):
    settings.PAYMENT_CHANNELS, settings.PAYMENT_SANDBOX_URL = {}, ""
    with pytest.raises(channel_settings.ChannelOff):
        provider_of("wechat")
    assert channel_settings.channels_on() == []


def test_the_sandbox_folder_is_all_the_demo_needs(settings, tmp_path, sandbox_keys):
    from billing.payments.sandbox import Sandbox
    from billing.payments.sandbox.keys import load_or_create

    folder = tmp_path / "sandbox"
    settings.PAYMENT_CHANNELS, settings.EV_DATA_DIR = {}, tmp_path
    settings.PAYMENT_SANDBOX_URL = "http://127.0.0.1:1"
    assert channel_settings.channels_on() == []
    running = Sandbox(folder, by_itself=False).start()
    settings.PAYMENT_SANDBOX_URL = running.url
    provider_of("wechat").create(ask())
    running.stop()
    assert (folder / "merchant.json").stat().st_mode & 0o077 == 0
    again = Sandbox(folder, by_itself=False).start()  # keys and payments outlive a restart
    settings.PAYMENT_SANDBOX_URL = again.url
    assert provider_of("wechat").query("P00000001").state is TradeState.UNPAID
    again.stop()
    assert load_or_create(folder) == running.keys
    assert json.loads((folder / "merchant.json").read_text())["wechat"]["mchid"] == running.keys.mchid


@pytest.mark.parametrize(("fen", "text"), [(1, "0.01"), (100, "1.00"), (123456, "1234.56")])
def test_yuan_and_fen(fen, text):
    assert yuan(fen) == text and fen_of(text) == fen


@pytest.mark.parametrize("text", ["0.001", "x", "NaN", "Infinity", ""])
def test_what_is_no_amount(text):
    with pytest.raises(ValueError):
        fen_of(text)
