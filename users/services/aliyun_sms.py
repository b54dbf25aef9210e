"""Text messages through Alibaba Cloud's SMS service: `SendSms` of 2017-05-25, signed with ACS3-HMAC-SHA256.

One signed request over HTTPS, without the vendor's SDK. Source: help.aliyun.com, «SendSms» and «V3 request signature».
"""

import hashlib
import hmac
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import quote, urlsplit

import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kernel import clock
from users.services.sms import SmsError

logger = logging.getLogger(__name__)
TIMEOUT_S = (3, 10)
ALGORITHM, ACTION, VERSION = "ACS3-HMAC-SHA256", "SendSms", "2017-05-25"
# What another try cannot mend: the number or our own words are wrong, or the number has had enough for today.
FINAL = {
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.INVALID_PARAMETERS",
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.BUSINESS_LIMIT_CONTROL",
    "isv.DAY_LIMIT_CONTROL",
}


@dataclass(frozen=True)
class SmsAccount:
    """An access key with its signature and templates, as `EV_SMS_…` give them."""

    url: str
    key_id: str
    key_secret: str
    sign_name: str
    templates: dict[str, str]

    def __repr__(self) -> str:
        return f"SmsAccount(key_id={self.key_id!r}, url={self.url!r})"  # the secret stays out of logs


class AliyunSmsSender:
    """`SmsSender` of the account in the settings."""

    def __init__(self, account: SmsAccount | None = None):
        if account is None and not settings.SMS_ACCOUNT:
            raise ImproperlyConfigured("EV_SMS_ACCESS_KEY_ID is missing; the SMS sender needs it")
        self._account = account or SmsAccount(**settings.SMS_ACCOUNT)

    def send_login_code(self, phone: str, code: str) -> None:
        self._send(phone, "login", {"code": code})

    def send_alarm(self, phone: str, *, place: str, what: str) -> str:
        return self._send(phone, "alarm", {"place": place[:20], "what": what[:20]})

    def _send(self, phone: str, template: str, params: dict[str, str]) -> str:
        """Send one message; the service's number of it. Raises `SmsError`."""
        name = self._account.templates.get(template)
        if not name:
            raise SmsError(f"EV_SMS_TEMPLATE_{template.upper()} is missing", final=True)
        query = canonical_query(
            {
                "PhoneNumbers": phone,
                "SignName": self._account.sign_name,
                "TemplateCode": name,
                "TemplateParam": json.dumps(params, ensure_ascii=False, separators=(",", ":")),
            }
        )
        parts = urlsplit(self._account.url)
        path = parts.path or "/"
        headers = {
            "host": parts.netloc,
            "x-acs-action": ACTION,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": VERSION,
        }
        signed = ";".join(sorted(headers))
        sign = signature(self._account.key_secret, "POST", path, query, headers)
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={self._account.key_id},SignedHeaders={signed},Signature={sign}"
        )
        address = f"{parts.scheme}://{parts.netloc}{path}?{query}"
        try:
            response = requests.post(address, headers=headers, timeout=TIMEOUT_S)
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise SmsError(type(error).__name__) from None  # the address holds the code
        code = str(answer.get("Code", "")) if isinstance(answer, dict) else ""
        if response.status_code != 200 or code != "OK":
            logger.warning("SMS to %s…%s refused: %s", phone[:3], phone[-4:], code or response.status_code)
            raise SmsError(code or str(response.status_code), final=code in FINAL)
        return str(answer.get("BizId", ""))[:64]


def canonical_query(values: dict[str, str]) -> str:
    """The query as it is signed and sent: names in order, RFC 3986."""
    return "&".join(f"{quote(name, safe='')}={quote(values[name], safe='')}" for name in sorted(values))


def signature(secret: str, method: str, path: str, query: str, headers: dict[str, str]) -> str:
    """The V3 signature over a request without a body, by lower-case header names."""
    names = sorted(headers)
    canonical = "\n".join(
        [
            method,
            path,
            query,
            *(f"{name}:{headers[name].strip()}" for name in names),
            "",
            ";".join(names),
            headers["x-acs-content-sha256"],
        ]
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
