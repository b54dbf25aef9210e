"""WeChat's mini-program interface: `jscode2session`, `stable_token` and `getuserphonenumber`.

Everything is answered with HTTP 200; `errcode` says how it went. The session key stays with this request: nothing
here decrypts with it. Source: developers.weixin.qq.com, mini-program server API, log-in and phone number.
"""

import logging
from dataclasses import dataclass
from typing import Any

import requests
from django.core.cache import cache

from users.identities.provider import Identity, IdentityRefused, IdentityUnreachable

logger = logging.getLogger(__name__)
TIMEOUT_S = (3, 10)
TOKEN_DEAD = {40001, 40014, 42001}
BUSY = {-1, 45009, 45011}  # try again later
OURS = {40013, 40125, 41002, 41004}  # the application or its secret is wrong: nothing a driver can mend
TOKEN_MARGIN_S = 300


@dataclass(frozen=True)
class WeChatLoginConfig:
    """A mini-program; `secret` is its AppSecret."""

    url: str
    app_id: str
    secret: str

    def __repr__(self) -> str:
        return f"WeChatLoginConfig(app_id={self.app_id!r}, url={self.url!r})"  # the secret stays out of logs


class WeChatLogin:
    """`IdentityProvider` of one mini-program."""

    name = "wechat"
    knows_phones = True

    def __init__(self, config: WeChatLoginConfig):
        self._config = config

    def identity(self, code: str) -> Identity:
        answer = self._call(
            "GET",
            "/sns/jscode2session",
            params={
                "appid": self._config.app_id,
                "secret": self._config.secret,
                "js_code": code,
                "grant_type": "authorization_code",
            },
        )
        return Identity(
            self.name, self._config.app_id, _text(answer, "openid"), str(answer.get("unionid", ""))
        )

    def phone(self, code: str) -> str:
        try:
            answer = self._phone(code, self._token())
        except IdentityRefused as refusal:
            if refusal.code not in {str(one) for one in TOKEN_DEAD}:
                raise
            answer = self._phone(code, self._token(fresh=True))
        found = answer.get("phone_info")
        if not isinstance(found, dict):
            raise IdentityUnreachable("an answer without phone_info")
        if (found.get("watermark") or {}).get("appid") != self._config.app_id:
            raise IdentityUnreachable("the number was given to another application")
        if str(found.get("countryCode")) != "86":
            raise IdentityRefused("country", "only mainland numbers can be used")
        return _text(found, "purePhoneNumber")

    def _phone(self, code: str, token: str) -> dict[str, Any]:
        return self._call(
            "POST", "/wxa/business/getuserphonenumber", params={"access_token": token}, json={"code": code}
        )

    def _token(self, *, fresh: bool = False) -> str:
        """The application's token, shared by all processes until shortly before its end."""
        key = f"users.wechat_token.{self._config.app_id}"
        token = None if fresh else cache.get(key)
        if token is None:
            answer = self._call(
                "POST",
                "/cgi-bin/stable_token",
                json={
                    "grant_type": "client_credential",
                    "appid": self._config.app_id,
                    "secret": self._config.secret,
                    "force_refresh": fresh,
                },
            )
            token, lives_s = _text(answer, "access_token"), answer.get("expires_in")
            if isinstance(lives_s, int) and lives_s > TOKEN_MARGIN_S:
                cache.set(key, token, lives_s - TOKEN_MARGIN_S)
        return token

    def _call(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        try:
            response = requests.request(method, self._config.url + path, timeout=TIMEOUT_S, **what)
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            # The address holds the secret: it is not repeated.
            raise IdentityUnreachable(f"{path}: {type(error).__name__}") from None
        if response.status_code != 200 or not isinstance(answer, dict):
            raise IdentityUnreachable(f"{path}: {response.status_code}")
        code = answer.get("errcode", 0)
        if code in BUSY:
            raise IdentityUnreachable(f"{path}: {code}")
        if code in OURS:
            logger.error("WeChat refuses the application %s: %s", self._config.app_id, answer)
            raise IdentityUnreachable(f"{path}: {code}")
        if code:
            raise IdentityRefused(str(code), str(answer.get("errmsg", ""))[:200])
        return answer


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value or len(value) > 512:
        raise IdentityUnreachable(f"an answer without {name}")
    return value
