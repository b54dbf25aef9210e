"""Login by phone code through the API: what is sent, what is accepted, what is refused and how often."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from tests.api_client import ApiClient, assert_problem, fresh_phone
from tests.factories import DriverFactory
from users.models import Driver, DriverToken, PhoneLogin
from users.services import login, sms, tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(monkeypatch):
    """(phone, code) of every message sent."""
    sent = []
    monkeypatch.setattr(
        sms.ConsoleSmsSender, "send_login_code", lambda self, phone, code: sent.append((phone, code))
    )
    return sent


def ask(phone, outbox, client=None):
    response = (client or ApiClient()).post("login/code", {"phone": phone})
    assert response.status_code == 202, response.content
    return outbox[-1][1]


def test_a_new_phone_logs_in_and_becomes_a_driver(outbox):
    phone = fresh_phone()
    client = ApiClient()
    response = client.post("login/code", {"phone": f"+86 {phone[:3]} {phone[3:]}"})
    assert response.json() == {"expires_in_s": 300, "retry_after_s": 60}
    assert outbox[0][0] == phone
    code = outbox[0][1]
    assert re.fullmatch(r"\d{6}", code)
    assert code not in PhoneLogin.objects.get(phone=phone).digest

    response = client.post("login/verify", {"phone": phone, "code": code, "device": "tests"})
    assert response.status_code == 200
    body = response.json()
    assert body["driver"]["phone"] == phone
    assert not DriverToken.objects.filter(digest=body["token"]).exists()

    me = ApiClient(token=body["token"]).get("me")
    assert me.status_code == 200
    assert me.json()["phone"] == phone


def test_a_known_phone_gets_its_own_driver(outbox):
    driver = DriverFactory(phone=fresh_phone())
    code = ask(driver.phone, outbox)
    found, _token = login.verify_code(phone=driver.phone, code=code)
    assert found == driver


def test_a_code_works_once(outbox):
    phone = fresh_phone()
    code = ask(phone, outbox)
    client = ApiClient()
    assert client.post("login/verify", {"phone": phone, "code": code}).status_code == 200
    assert_problem(client.post("login/verify", {"phone": phone, "code": code}), 400, "login_code_wrong")
    assert DriverToken.objects.filter(driver__phone=phone).count() == 1


def test_a_code_dies_after_five_minutes(outbox):
    phone = fresh_phone()
    code = ask(phone, outbox)
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert_problem(
            ApiClient().post("login/verify", {"phone": phone, "code": code}), 400, "login_code_wrong"
        )
    assert not Driver.objects.filter(phone=phone).exists()


def test_five_wrong_tries_void_the_code(outbox):
    phone = fresh_phone()
    code = ask(phone, outbox)
    wrong = "000000" if code != "000000" else "111111"
    client = ApiClient()
    for _try in range(5):
        assert_problem(client.post("login/verify", {"phone": phone, "code": wrong}), 400, "login_code_wrong")
    assert_problem(client.post("login/verify", {"phone": phone, "code": code}), 429, "login_code_too_many")
    assert not Driver.objects.filter(phone=phone).exists()


def test_a_minute_lies_between_two_codes(outbox):
    phone = fresh_phone()
    first = ask(phone, outbox)
    response = ApiClient().post("login/code", {"phone": phone})
    body = assert_problem(response, 429, "login_code_too_soon")
    assert 0 < body["params"]["seconds"] <= 60
    assert response["Retry-After"] == str(body["params"]["seconds"])
    assert len(outbox) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        second = ask(phone, outbox)
        if first != second:
            assert_problem(
                ApiClient().post("login/verify", {"phone": phone, "code": first}), 400, "login_code_wrong"
            )
        assert ApiClient().post("login/verify", {"phone": phone, "code": second}).status_code == 200


@pytest.mark.parametrize(
    "phone", ["", "12345678901", "1390000000", "139000000000", "１３９００００００００", "x" * 19]
)
def test_a_wrong_phone_is_named(outbox, phone):
    response = ApiClient().post("login/code", {"phone": phone})
    assert response.status_code == 400
    assert "phone" in response.json()["errors"]
    assert outbox == []


def test_a_phone_is_throttled_whoever_asks(outbox):
    phone = fresh_phone()
    answers = [ApiClient().post("login/code", {"phone": phone}).json().get("code") for _i in range(6)]
    assert answers == [None, *["login_code_too_soon"] * 4, "throttled"]


def test_an_address_is_throttled_whichever_phone(outbox, monkeypatch):
    from users.api.throttles import LoginCodeAddressThrottle

    monkeypatch.setattr(LoginCodeAddressThrottle, "THROTTLE_RATES", {"login_code_ip": "2/hour"})
    client = ApiClient()
    for _i in range(2):
        ask(fresh_phone(), outbox, client)
    response = client.post("login/code", {"phone": fresh_phone()})
    assert_problem(response, 429, "throttled")
    assert int(response["Retry-After"]) > 0
    assert len(outbox) == 2


def test_a_forged_address_does_not_escape_the_throttle(outbox, monkeypatch):
    from users.api.throttles import LoginCodeAddressThrottle

    monkeypatch.setattr(LoginCodeAddressThrottle, "THROTTLE_RATES", {"login_code_ip": "1/hour"})
    client = ApiClient()
    ask(fresh_phone(), outbox, client)
    forged = {"X-Forwarded-For": "203.0.113.9"}
    response = client.post("login/code", {"phone": fresh_phone()}, **forged)
    assert_problem(response, 429, "throttled")


def test_tries_are_throttled_across_codes(outbox):
    phone = fresh_phone()
    codes = {
        ApiClient().post("login/verify", {"phone": phone, "code": "123456"}).json()["code"]
        for _i in range(21)
    }
    assert codes == {"login_code_wrong", "throttled"}


def test_a_provider_that_fails_is_told(monkeypatch):
    def fail(self, phone, code):
        raise sms.SmsError

    monkeypatch.setattr(sms.ConsoleSmsSender, "send_login_code", fail)
    assert_problem(ApiClient().post("login/code", {"phone": fresh_phone()}), 503, "sms_failed")


def test_the_console_sender_is_refused_in_production(settings):
    settings.EV_ENV = "production"
    with pytest.raises(ImproperlyConfigured, match="EV_SMS_SENDER"):
        sms.sender()


def test_the_console_sender_logs_the_code(caplog):
    sms.sender().send_login_code("13900000000", "123456")
    assert "123456" in caplog.text


def test_an_unknown_sender_is_named(settings):
    settings.SMS_SENDER = "nowhere.Sender"
    with pytest.raises(ImproperlyConfigured, match=r"nowhere\.Sender"):
        sms.sender()


def test_logout_revokes_this_token_only():
    driver = DriverFactory(phone=fresh_phone())
    one, other = ApiClient(driver), ApiClient(driver)
    assert one.post("logout").status_code == 204
    assert_problem(one.get("me"), 401, "authentication_failed")
    assert other.get("me").status_code == 200


def test_a_token_expires():
    client = ApiClient(DriverFactory(phone=fresh_phone()))
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        assert_problem(client.get("me"), 401, "authentication_failed")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer a b", "Bearer nonsense", "Bearer é", "Bearer " + "x" * 5000]
)
def test_a_bad_token_is_refused(header):
    response = ApiClient().get("me", Authorization=header)
    assert_problem(response, 401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_console_session_opens_no_driver_api(client):
    from tests.factories import StaffFactory

    client.force_login(StaffFactory(is_superuser=True))
    assert client.get("/api/v1/driver/me").status_code == 401


def test_words_come_in_the_readers_language(outbox):
    phone = fresh_phone()
    ask(phone, outbox)
    english = ApiClient(language="en").post("login/verify", {"phone": phone, "code": "x"}).json()["detail"]
    chinese = ApiClient(language="zh-CN").post("login/verify", {"phone": phone, "code": "x"}).json()["detail"]
    default = ApiClient(language="fr").post("login/verify", {"phone": phone, "code": "x"}).json()["detail"]
    assert english == "The code is wrong or no longer valid. Ask for a new one."
    assert chinese == default == "验证码错误或已失效，请重新获取。"


def test_a_token_is_found_by_its_text_only():
    from kernel.actor import system

    driver = DriverFactory(phone=fresh_phone())
    raw = tokens.issue_token(actor=system("tests"), driver=driver, name="phone")
    assert tokens.driver_of_token(raw) == driver
    assert tokens.driver_of_token(raw.upper()) is None
    assert tokens.driver_of_token("") is None
