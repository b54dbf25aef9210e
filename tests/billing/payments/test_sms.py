"""Text messages through the real client against the strict sandbox: login codes, and alarms to whoever is responsible."""

import hashlib
from dataclasses import replace

import pytest
from django.utils import timezone

from alerts.models import Alert, AlertMessage
from alerts.tasks import send_messages
from devices.services import sensors
from ev_platform import payment_env
from ev_platform.schedule import PERIODIC_JOBS
from stations.models import Station
from tests.api_client import ApiClient, assert_problem, fresh_phone
from tests.billing import flow
from tests.billing.test_ebike import box, charging
from tests.factories import make_driver
from users.services import aliyun_sms
from users.services.aliyun_sms import AliyunSmsSender, SmsAccount, canonical_query, signature
from users.services.sms import SmsError


@pytest.fixture
def account(settings, sandbox):
    keys = sandbox.keys
    account = SmsAccount(
        url=f"{sandbox.url}/sms",
        key_id=keys.sms_key_id,
        key_secret=keys.sms_key_secret,
        sign_name=keys.sms_sign_name,
        templates={"login": "SMS_LOGIN", "alarm": "SMS_ALARM"},
    )
    settings.SMS_ACCOUNT = {name: getattr(account, name) for name in SmsAccount.__dataclass_fields__}
    settings.SMS_SENDER = "users.services.aliyun_sms.AliyunSmsSender"
    return account


def test_the_signature_is_that_of_the_published_example():
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    query = canonical_query(
        {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    )
    found = signature("YourAccessKeySecret", "POST", "/", query, headers)
    assert found == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"


@pytest.mark.django_db
@pytest.mark.feature("USR-01")
def test_a_login_code_reaches_the_phone_and_what_the_service_refuses_is_said(account, sandbox, monkeypatch):
    phone = fresh_phone()
    assert ApiClient().post("login/code", {"phone": phone}).status_code == 202
    (message,) = sandbox.sms.messages
    assert (message.phone, message.template) == (phone, "login")
    done = ApiClient().post("login/verify", {"phone": phone, "code": message.params["code"]})
    assert done.json()["driver"]["phone"] == phone

    def refused(code, *, final, phone=phone, **changes):
        with pytest.raises(SmsError, match=code) as found:
            AliyunSmsSender(replace(account, **changes)).send_login_code(phone, "123456")
        assert found.value.final is final

    other = fresh_phone()
    refused("BUSINESS_LIMIT_CONTROL", final=True)  # a minute between two codes
    refused("SignatureDoesNotMatch", final=False, key_secret="wrong", phone=other)
    refused("InvalidAccessKeyId", final=False, key_id="LTAIwrong", phone=other)
    refused("SIGNATURE_ILLEGAL", final=False, sign_name="nobody", phone=other)
    refused("TEMPLATE_ILLEGAL", final=False, templates={"login": "SMS_NONE"}, phone=other)
    refused("TEMPLATE_MISSING_PARAMETERS", final=True, templates={"login": "SMS_ALARM"}, phone=other)
    refused("EV_SMS_TEMPLATE_LOGIN", final=True, templates={}, phone=other)
    refused("MOBILE_NUMBER_ILLEGAL", final=True, phone="123")
    refused("ConnectionError", final=False, url="http://127.0.0.1:9/sms", phone=other)
    sandbox.misbehave(fail_next=1, fail_status=503)
    refused("503", final=False, phone=other)
    monkeypatch.setattr(aliyun_sms.secrets, "token_hex", lambda n: "always the same")
    AliyunSmsSender(account).send_login_code(other, "123456")
    refused("SignatureNonceUsed", final=False, phone=other)
    assert len(sandbox.sms.messages) == 2 and account.key_secret not in repr(account)
    sandbox.misbehave(fail_next=1)
    assert_problem(ApiClient().post("login/code", {"phone": fresh_phone()}), 503, "sms_failed")

    monkeypatch.undo()
    for name, value in (
        ("ACCESS_KEY_ID", "k"), ("ACCESS_KEY_SECRET", "s"), ("SIGN_NAME", "n"), ("TEMPLATE_LOGIN", "t"), ("URL", sandbox.url),
    ):  # fmt: skip
        monkeypatch.setenv(f"EV_SMS_{name}", value)
    assert payment_env.sms_account(production=False)["url"] == sandbox.url
    with pytest.raises(Exception, match=r"EV_SMS_URL.*dysmsapi\.aliyuncs\.com"):
        payment_env.sms_account(production=True)


@pytest.mark.django_db
@pytest.mark.feature("EBK-18", "ENV-03")
def test_smoke_cuts_the_ports_and_reaches_whoever_is_responsible(account, sandbox):
    site = box()
    Station.objects.filter(pk=site.station.pk).update(duty_phone="13912345678")
    orders = [charging(site), charging(site, connector=site.connectors[1], driver=make_driver())]

    def report(kind, alarm, code="s1"):
        sensors.report(pile=site.ref, sensor=code, kind=kind, at=timezone.now(), value=None, alarm=alarm)

    sandbox.misbehave(fail_next=1)  # the service is away for a moment
    for _repeated in range(3):
        report("smoke", True)
    report("door", True, "d1")  # nobody is called for a door
    for order in orders:
        order.refresh_from_db()
        assert order.state == "stopping" and flow.last_command(order, "stop") is not None
    assert PERIODIC_JOBS["alerts.send_messages"] <= 5
    send_messages()
    message = AlertMessage.objects.get()
    assert (message.state, message.attempts, sandbox.sms.messages) == ("queued", 1, [])
    AlertMessage.objects.update(due_at=timezone.now())
    for _again in range(2):
        send_messages()
    message.refresh_from_db()
    (sent,) = sandbox.sms.messages
    assert (sent.phone, sent.params["place"]) == ("13912345678", site.station.name)
    assert sent.params["what"].startswith("烟雾")
    assert (message.state, message.attempts, message.provider_no) == ("sent", 2, sent.number)
    report("smoke", False)
    report("smoke", True)  # another episode is told again
    send_messages()
    assert len(sandbox.sms.messages) == 2 and Alert.objects.filter(kind="sensor").count() == 3
    AlertMessage.objects.update(state="queued", due_at=timezone.now(), sent_at=None, phone="13900")
    send_messages()  # what no other try can mend is not tried again
    assert set(AlertMessage.objects.values_list("state", "due_at", "reason")) == {
        ("failed", None, "isv.MOBILE_NUMBER_ILLEGAL")
    }
