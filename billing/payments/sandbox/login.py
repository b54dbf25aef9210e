"""Log-in by the two apps: WeChat's mini-program interface and Alipay's user authorization, as strict as they are.

What a phone would do (a driver opens the mini-program, lets it know the number) is `new_code`.
"""

import json
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from billing.payments.sandbox import keys as rsa
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.book import Book, Faults

CODE_LIFE_S = 300
TOKEN_LIFE_S = 7200
PATHS = ("/sns/jscode2session", "/cgi-bin/stable_token", "/wxa/business/getuserphonenumber")


@dataclass
class Code:
    """One code: for whom, of which application, and whether it was used."""

    provider: str
    kind: str  # login or phone
    user: str
    app_id: str
    phone: str
    expires_at: float
    used: bool = False


class WeChatError(Exception):
    def __init__(self, code: int, message: str):
        self.code, self.message = code, message
        super().__init__(message)


class LoginSide:
    """Codes and tokens of both providers; they live as long as the process."""

    def __init__(self, keys: rsa.Keys, book: Book, faults: Faults):
        self.keys, self.book, self.faults = keys, book, faults
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, float] = {}

    def new_code(
        self,
        provider: str,
        user: str,
        *,
        kind: str = "login",
        phone: str = "",
        app_id: str = "",
        lives_s: float = CODE_LIFE_S,
    ) -> str:
        """A code as the app gets it from the phone; `phone` is what its owner lets the application know."""
        own = {"wechat": self.keys.appid, "alipay": self.keys.app_id}
        if provider not in own or kind not in ("login", "phone") or (kind == "phone" and not phone):
            raise ValueError(f"{provider} {kind}: wechat or alipay, login or phone (with a number)")
        code = secrets.token_hex(16)
        with self.book.lock:
            self.codes[code] = Code(
                provider, kind, user, app_id or own[provider], phone, time.time() + lives_s
            )
        return code

    def forget_tokens(self) -> None:
        """Every token that WeChat gave out is dead from now on."""
        self.tokens.clear()

    # --- WeChat ------------------------------------------------------------------
    def handle(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Answer one call of the mini-program interface."""
        if self.faults.take("fail_next"):
            if self.faults.fail_status >= 500:
                return Answer(self.faults.fail_status, b"broken", content_type="text/plain")
            return _json({"errcode": -1, "errmsg": "system error"})
        try:
            with self.book.lock:
                answer = self._route(method, path, dict(parse_qsl(query)), body)
        except WeChatError as error:
            return _json({"errcode": error.code, "errmsg": f"{error.message}, rid: {secrets.token_hex(8)}"})
        result = _json(answer)
        result.cut = self.faults.take("lose_answer")
        return result

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        if path == "/sns/jscode2session":
            if method != "GET":
                raise WeChatError(43001, "require GET method")
            self._application(query.get("appid"), query.get("secret"))
            if query.get("grant_type") != "authorization_code":
                raise WeChatError(40002, "invalid grant_type")
            code = self._use("wechat", "login", query.get("js_code", ""), self.keys.appid)
            return {"openid": code.user, "session_key": secrets.token_urlsafe(18), "unionid": f"u{code.user}"}
        if method != "POST":
            raise WeChatError(43002, "require POST method")
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise WeChatError(47001, "data format error")
        if path == "/cgi-bin/stable_token":
            self._application(content.get("appid"), content.get("secret"))
            if content.get("grant_type") != "client_credential":
                raise WeChatError(40002, "invalid grant_type")
            return self._token(fresh=content.get("force_refresh") is True)
        if self.tokens.get(query.get("access_token", ""), 0.0) < time.time():
            raise WeChatError(40001, "invalid credential, access_token is invalid or not latest")
        code = self._use("wechat", "phone", str(content.get("code", "")), self.keys.appid)
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": code.phone,
                "purePhoneNumber": re.sub(r"^\+\d+ ", "", code.phone),
                "countryCode": "86" if not code.phone.startswith("+") else code.phone[1:].split(" ")[0],
                "watermark": {"timestamp": int(time.time()), "appid": code.app_id},
            },
        }

    def _application(self, app_id: Any, secret: Any) -> None:
        if app_id != self.keys.appid:
            raise WeChatError(40013, "invalid appid")
        if secret != self.keys.app_secret:
            raise WeChatError(40125, "invalid appsecret")

    def _token(self, *, fresh: bool) -> dict[str, Any]:
        now = time.time()
        alive = [token for token, until in self.tokens.items() if until > now]
        if fresh or not alive:
            self.tokens.clear()
            alive = [secrets.token_urlsafe(48)]
            self.tokens[alive[0]] = now + TOKEN_LIFE_S
        return {"access_token": alive[0], "expires_in": int(self.tokens[alive[0]] - now)}

    def _use(self, provider: str, kind: str, text: str, app_id: str) -> Code:
        code = self.codes.get(text)
        known = code is not None and (code.provider, code.kind, code.app_id) == (provider, kind, app_id)
        if not known or code.expires_at < time.time():
            raise WeChatError(40029, "invalid code")
        if code.used:
            raise WeChatError(40163, "code been used")
        code.used = True
        return code

    # --- Alipay ------------------------------------------------------------------
    def alipay_token(self, values: dict[str, str]) -> dict[str, Any]:
        """`alipay.system.oauth.token` of a request that was authenticated; raises `Refusal`."""
        if values.get("grant_type") != "authorization_code":
            raise Refusal(40002, "isv.grant-type-invalid", "grant_type is not accepted")
        try:
            code = self._use("alipay", "login", values.get("code", ""), self.keys.app_id)
        except WeChatError as error:
            raise Refusal(40002, "isv.code-invalid", error.message) from None
        return {
            "access_token": secrets.token_hex(20),
            "auth_start": time.strftime("%Y-%m-%d %H:%M:%S"),
            "expires_in": 1296000,
            "re_expires_in": 2592000,
            "refresh_token": secrets.token_hex(20),
            "user_id": code.user,
        }


def _json(content: dict[str, Any]) -> Answer:
    return Answer(body=json.dumps(content, ensure_ascii=False).encode())
