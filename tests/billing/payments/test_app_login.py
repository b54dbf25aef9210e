"""Log-in by WeChat and Alipay: the real clients against the strict sandbox, and what is bound to whom."""

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from ev_platform import payment_env
from kernel.errors import DomainError
from tests.api_client import ApiClient, assert_problem, fresh_phone
from tests.billing.flow import in_threads
from tests.factories import DriverFactory, make_staff
from users.actors import of_driver
from users.identities.alipay import AlipayLogin, AlipayLoginConfig
from users.identities.channels import provider_of
from users.identities.provider import IdentityRefused, IdentityUnreachable
from users.identities.wechat import WeChatLogin, WeChatLoginConfig
from users.models import Driver, DriverIdentity, DriverToken
from users.services import drivers, identities, login, sms


@pytest.fixture
def providers(settings, sandbox):
    values = sandbox.keys.merchant()["login"]
    settings.LOGIN_PROVIDERS = {
        "wechat": {**values["wechat"], "url": sandbox.url},
        "alipay": {**values["alipay"], "url": f"{sandbox.url}/gateway.do"},
    }
    cache.clear()
    return settings.LOGIN_PROVIDERS


@pytest.fixture
def outbox(monkeypatch):
    sent = {}
    monkeypatch.setattr(
        sms.ConsoleSmsSender, "send_login_code", lambda self, phone, code: sent.update({phone: code})
    )
    return sent


def app_login(code, provider="wechat"):
    return ApiClient().post("login/app", {"provider": provider, "code": code})


def first_login(sandbox, user, phone):
    """The whole first log-in by WeChat; the answer of its last step."""
    ticket = app_login(sandbox.login.new_code("wechat", user)).json()["ticket"]
    phone_code = sandbox.login.new_code("wechat", user, kind="phone", phone=phone)
    return ApiClient().post("login/bind", {"ticket": ticket, "phone_code": phone_code})


@pytest.mark.django_db
@pytest.mark.feature("USR-01")
def test_the_first_login_binds_to_the_phones_account_and_later_ones_need_the_app_alone(
    sandbox, providers, outbox
):
    assert ApiClient().get("login/providers").json() == {"providers": ["wechat", "alipay"]}
    # WeChat, with the number by WeChat's consent: a new driver.
    phone = fresh_phone()
    answer = app_login(sandbox.login.new_code("wechat", "o-one"))
    assert (answer.status_code, answer.json()["expires_in_s"]) == (202, 600)
    assert not Driver.objects.filter(phone=phone).exists()
    done = first_login(sandbox, "o-one", phone)
    assert done.json()["driver"]["phone"] == phone
    again = app_login(sandbox.login.new_code("wechat", "o-one"))
    assert (again.status_code, again.json()["driver"]["phone"]) == (200, phone)
    app = ApiClient(token=again.json()["token"])
    assert app.get("me").json()["phone"] == phone

    # Alipay, with the number by text message: an account that is there already.
    known = DriverFactory(phone=fresh_phone(), name="known")
    ticket = app_login(sandbox.login.new_code("alipay", "2088000000000001"), "alipay").json()["ticket"]
    bind = ApiClient()
    assert_problem(bind.post("login/bind", {"ticket": ticket}), 400, "login_phone_unproven")
    assert_problem(
        bind.post("login/bind", {"ticket": ticket, "phone_code": "x"}), 400, "login_phone_unproven"
    )
    login.request_code(phone=known.phone, ip="")
    wrong = {
        "ticket": ticket,
        "phone": known.phone,
        "code": "000000" if outbox[known.phone] != "000000" else "1",
    }
    assert_problem(bind.post("login/bind", wrong), 400, "login_code_wrong")
    done = bind.post("login/bind", {**wrong, "code": outbox[known.phone]})
    assert done.json()["driver"]["name"] == "known"
    assert app_login(sandbox.login.new_code("alipay", "2088000000000001"), "alipay").status_code == 200
    assert_problem(bind.post("login/bind", {"ticket": ticket + "x"}), 400, "login_ticket_wrong")

    # A second app of one's own, seen and taken off again; the other one stays.
    assert (
        app.post(
            "identities", {"provider": "alipay", "code": sandbox.login.new_code("alipay", "2088002")}
        ).status_code
        == 200
    )
    assert [row["provider"] for row in app.get("identities").json()] == ["alipay", "wechat"]
    assert app.call("DELETE", "identities/alipay").status_code == 204
    assert app.call("DELETE", "identities/alipay").status_code == 404
    assert app_login(sandbox.login.new_code("alipay", "2088002"), "alipay").status_code == 202
    assert app_login(sandbox.login.new_code("wechat", "o-one")).status_code == 200


@pytest.mark.django_db
@pytest.mark.promise(9)
def test_one_account_there_is_one_driver_here(sandbox, providers, client):
    mine, other = fresh_phone(), fresh_phone()
    assert first_login(sandbox, "o-mine", mine).status_code == 200
    assert_problem(first_login(sandbox, "o-second", mine), 409, "identity_other_bound")
    # A ticket from before does not move the account to another number.
    stale = identities._ticket(provider_of("wechat").identity(sandbox.login.new_code("wechat", "o-mine")))
    consent = sandbox.login.new_code("wechat", "o-mine", kind="phone", phone=other)
    refused = ApiClient().post("login/bind", {"ticket": stale, "phone_code": consent})
    assert_problem(refused, 409, "identity_taken")
    driver = Driver.objects.get(phone=mine)
    stranger = DriverFactory()
    with pytest.raises(DomainError, match="another phone number"):
        identities.bind_own(
            actor=of_driver(stranger),
            driver=stranger,
            provider="wechat",
            code=sandbox.login.new_code("wechat", "o-mine"),
        )
    with pytest.raises(DomainError):
        identities.unbind(actor=of_driver(stranger), driver=driver, provider="wechat")
    for change in ({"driver": stranger}, {"subject": "o-other"}):
        row = DriverIdentity.objects.get(driver=driver)
        row.pk = None
        for name, value in change.items():
            setattr(row, name, value)
        with pytest.raises(Exception, match="identity_"), transaction.atomic():
            row.save(force_insert=True)
    # Staff see it on the driver's page and may take it off, with a reason.
    client.force_login(make_staff(superuser=True))
    page = f"/admin/users/driver/{driver.pk}"
    assert "微信" in client.get(f"{page}/change/").content.decode()
    client.post(f"{page}/unbind/", {"provider": "wechat", "reason": "lost phone"})
    assert not DriverIdentity.objects.exists()
    # Who leaves is forgotten there too.
    assert first_login(sandbox, "o-mine", mine).status_code == 200
    drivers.cancel_driver(actor=of_driver(driver), driver=driver)
    assert app_login(sandbox.login.new_code("wechat", "o-mine")).status_code == 202


@pytest.mark.django_db
def test_what_the_providers_refuse_and_when_they_are_silent(sandbox, providers, monkeypatch):
    new = sandbox.login.new_code
    for provider in ("wechat", "alipay"):
        used = new(provider, "u1")
        provider_of(provider).identity(used)
        for code in (
            used,
            "nonsense",
            new(provider, "u1", lives_s=-1),
            new(provider, "u1", app_id="another"),
        ):
            assert_problem(app_login(code, provider), 400, "login_app_code_wrong")
        sandbox.misbehave(fail_next=1, fail_status=503)
        assert_problem(app_login(new(provider, "u1"), provider), 503, "login_provider_silent")
        sandbox.misbehave(lose_answer=1)
        assert_problem(app_login(new(provider, "u1"), provider), 503, "login_provider_silent")
        sandbox.misbehave()
    sandbox.misbehave(fail_next=1, fail_status=200)  # WeChat's «system error», an HTTP 200
    assert_problem(app_login(new("wechat", "u1")), 503, "login_provider_silent")
    sandbox.misbehave(tamper_answer=1)
    assert_problem(app_login(new("alipay", "u1"), "alipay"), 503, "login_provider_silent")
    assert_problem(app_login("x", "facebook"), 400, "invalid_request")

    wechat = provider_of("wechat")
    consent = new("wechat", "u1", kind="phone", phone="13900000001")
    assert wechat.phone(consent) == "13900000001"
    with pytest.raises(IdentityRefused, match="40163"):
        wechat.phone(consent)
    with pytest.raises(IdentityRefused, match="mainland"):
        wechat.phone(new("wechat", "u1", kind="phone", phone="+852 61234567"))
    with pytest.raises(IdentityRefused, match="40029"):
        wechat.phone(new("wechat", "u1"))  # a log-in code is no consent
    sandbox.login.forget_tokens()  # another process took a new one: asked for again, once
    assert wechat.phone(new("wechat", "u1", kind="phone", phone="13900000002")) == "13900000002"

    values = providers["wechat"]
    for wrong in ({"secret": "wrong"}, {"app_id": "wx-wrong"}, {"url": "http://127.0.0.1:9"}):
        with pytest.raises(IdentityUnreachable):
            WeChatLogin(WeChatLoginConfig(**{**values, **wrong})).identity(new("wechat", "u1"))
    values = providers["alipay"]
    stranger = {"private_key": sandbox.keys.merchant_key}
    for wrong in (
        stranger,
        {"app_id": "2021"},
        {"public_key": sandbox.keys.merchant()["wechat"]["public_key"]},
    ):
        with pytest.raises(IdentityUnreachable):
            AlipayLogin(AlipayLoginConfig(**{**values, **wrong})).identity(new("alipay", "u1"))
    assert values["private_key"][:30] not in repr(AlipayLoginConfig(**values))
    assert providers["wechat"]["secret"] not in repr(WeChatLoginConfig(**providers["wechat"]))

    monkeypatch.setenv("EV_WECHAT_LOGIN_APPID", "wx1")
    with pytest.raises(ImproperlyConfigured, match="EV_WECHAT_LOGIN_SECRET is missing"):
        payment_env.login_providers(production=False)
    monkeypatch.setenv("EV_WECHAT_LOGIN_SECRET", "secret")
    assert payment_env.login_providers(production=True)["wechat"]["url"] == "https://api.weixin.qq.com"
    monkeypatch.setenv("EV_WECHAT_LOGIN_URL", sandbox.url)
    assert payment_env.login_providers(production=False)["wechat"]["url"] == sandbox.url
    with pytest.raises(ImproperlyConfigured, match=r"EV_WECHAT_LOGIN_URL.*api\.weixin\.qq\.com"):
        payment_env.login_providers(production=True)


@pytest.mark.django_db
def test_nothing_is_offered_without_settings(settings):
    settings.LOGIN_PROVIDERS = {}
    assert ApiClient().get("login/providers").json() == {"providers": []}
    assert_problem(app_login("x"), 404, "login_provider_off")


@pytest.mark.django_db(transaction=True)
def test_first_logins_at_once_are_one_driver_and_one_binding(sandbox, providers):
    phone, ways = fresh_phone(), 4
    wechat = provider_of("wechat")
    tickets = [
        identities._ticket(wechat.identity(sandbox.login.new_code("wechat", "o-race"))) for _ in range(ways)
    ]
    consents = [sandbox.login.new_code("wechat", "o-race", kind="phone", phone=phone) for _ in range(ways)]
    done = in_threads(ways, lambda n: identities.bind_first(ticket=tickets[n], phone_code=consents[n]))
    assert {one.driver.phone for one in done} == {phone}, done
    assert (DriverIdentity.objects.count(), DriverToken.objects.count()) == (1, ways)
    # Two numbers at once for one account there: one of them has it.
    phones = [fresh_phone(), fresh_phone()]
    tickets = [identities._ticket(wechat.identity(sandbox.login.new_code("wechat", "o-two"))) for _ in phones]
    consents = [sandbox.login.new_code("wechat", "o-two", kind="phone", phone=one) for one in phones]
    done = in_threads(2, lambda n: identities.bind_first(ticket=tickets[n], phone_code=consents[n]))
    assert sorted(type(one).__name__ for one in done) == ["DomainError", "LoggedIn"]
    assert DriverIdentity.objects.count() == 2
