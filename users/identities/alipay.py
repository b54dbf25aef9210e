"""Alipay's `alipay.system.oauth.token`: the code of a mini-program or a page for the user's id.

Requests and answers are signed (RSA2) by `python-alipay-sdk`; the call itself is made here, because the library
cannot read a refusal of this method (`error_response`). Source: opendocs.alipay.com, user authorization.
"""

import logging
from dataclasses import dataclass
from typing import Any

import requests
from alipay import AliPay

from users.identities.provider import Identity, IdentityRefused, IdentityUnreachable

logger = logging.getLogger(__name__)
TIMEOUT_S = (3, 10)
ANSWER, REFUSAL = "alipay_system_oauth_token_response", "error_response"
CODE_REFUSED = {"isv.code-invalid", "isv.grant-type-invalid"}


@dataclass(frozen=True)
class AlipayLoginConfig:
    """An application at Alipay; keys are PEM text, `public_key` is Alipay's."""

    url: str
    app_id: str
    private_key: str
    public_key: str

    def __repr__(self) -> str:
        return f"AlipayLoginConfig(app_id={self.app_id!r}, url={self.url!r})"  # keys stay out of logs


class AlipayLogin:
    """`IdentityProvider` of one application. Alipay tells no phone number: a text message proves it."""

    name = "alipay"
    knows_phones = False

    def __init__(self, config: AlipayLoginConfig):
        self._config = config
        self._library = AliPay(
            appid=config.app_id,
            app_notify_url=None,
            app_private_key_string=config.private_key,
            alipay_public_key_string=config.public_key,
            sign_type="RSA2",
        )

    def identity(self, code: str) -> Identity:
        answer = self._call("alipay.system.oauth.token", grant_type="authorization_code", code=code)
        subject = answer.get("user_id") or answer.get("open_id")
        if not isinstance(subject, str) or not 1 <= len(subject) <= 128:
            raise IdentityUnreachable("an answer without a user")
        return Identity(self.name, self._config.app_id, subject, str(answer.get("union_id", "")))

    def phone(self, code: str) -> str:
        raise IdentityRefused("unsupported", "Alipay tells no phone number")

    def _call(self, method: str, **values: str) -> dict[str, Any]:
        query = self._library.sign_data(self._library.build_body(method, **values))
        try:
            response = requests.get(f"{self._config.url}?{query}", timeout=TIMEOUT_S)
            content = response.json()
        except (requests.RequestException, ValueError) as error:
            raise IdentityUnreachable(f"{method}: {type(error).__name__}") from None
        if not isinstance(content, dict):
            raise IdentityUnreachable(f"{method}: {response.status_code}")
        refusal = content.get(REFUSAL)
        if isinstance(refusal, dict):
            self._refuse(method, refusal)
        answer = content.get(ANSWER)
        signed = self._library._get_string_to_be_signed(response.text, ANSWER)
        if not isinstance(answer, dict) or not self._verified(signed, content.get("sign")):
            raise IdentityUnreachable(f"{method}: the answer is not signed by Alipay")
        if "sub_code" in answer:
            self._refuse(method, answer)
        return answer

    def _verified(self, signed: str, sign: Any) -> bool:
        try:
            return isinstance(sign, str) and bool(self._library._verify(signed, sign))
        except (ValueError, TypeError):
            return False

    def _refuse(self, method: str, refusal: dict[str, Any]) -> None:
        code = str(refusal.get("sub_code") or refusal.get("code") or "")
        if code in CODE_REFUSED:
            raise IdentityRefused(code, str(refusal.get("sub_msg", ""))[:200])
        if str(refusal.get("code")) != "20000":
            logger.error("Alipay refuses the application %s: %s", self._config.app_id, refusal)
        raise IdentityUnreachable(f"{method}: {code}")
