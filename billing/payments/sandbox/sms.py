"""The text-message service: `SendSms` with its signature, templates and limits per number; nothing leaves the house."""

import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from billing.payments.sandbox import keys as rsa
from billing.payments.sandbox.answers import Answer
from billing.payments.sandbox.book import Faults

PATH = "/sms"
CLOCK_WINDOW_S = 900
ALGORITHM = "ACS3-HMAC-SHA256"
TEMPLATES = {"login": ("SMS_LOGIN", {"code"}), "alarm": ("SMS_ALARM", {"place", "what"})}
LIMITS = ((60, 1), (3_600, 5), (86_400, 10))  # (seconds, codes) to one number
_AUTHORIZATION = re.compile(r"^ACS3-HMAC-SHA256 Credential=(.+),SignedHeaders=(.+),Signature=([0-9a-f]{64})$")


@dataclass
class Message:
    """One message that a phone got."""

    phone: str
    template: str
    params: dict[str, str]
    number: str = field(default_factory=lambda: secrets.token_hex(10))
    at: float = field(default_factory=time.time)


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str):
        self.status, self.code, self.message = status, code, message
        super().__init__(code)


class SmsSide:
    """Requests in, messages kept: `messages` is what phones got, oldest first."""

    def __init__(self, keys: rsa.Keys, faults: Faults):
        self.keys, self.faults = keys, faults
        self.messages: list[Message] = []
        self._nonces: set[str] = set()

    def handle(self, method: str, path: str, query: str, headers: Any) -> Answer:
        """Answer one `SendSms`."""
        request_id = secrets.token_hex(16)
        if self.faults.take("fail_next"):
            return Answer(self.faults.fail_status, b"{}")
        try:
            self._authenticate(method, path, query, headers)
            message = self._send(dict(parse_qsl(query, keep_blank_values=True)))
        except _Refused as refusal:
            content = {"Code": refusal.code, "Message": refusal.message, "RequestId": request_id}
            return Answer(refusal.status, json.dumps(content).encode())
        content = {"Code": "OK", "Message": "OK", "BizId": message.number, "RequestId": request_id}
        return Answer(body=json.dumps(content).encode(), cut=self.faults.take("lose_answer"))

    def shown(self) -> Answer:
        """What was sent, for whoever plays with the demo."""
        rows = [asdict(message) for message in self.messages[-50:]]
        return Answer(body=json.dumps(rows, ensure_ascii=False).encode())

    def _authenticate(self, method: str, path: str, query: str, headers: Any) -> None:
        found = _AUTHORIZATION.match(headers.get("Authorization") or "")
        if found is None:
            raise _Refused(400, "MissingAuthorization", "the signature is missing")
        key, names, given = found[1], found[2].split(";"), found[3]
        if key != self.keys.sms_key_id:
            raise _Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        wanted = {
            "host",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        }
        if names != sorted(names) or not wanted <= set(names):
            raise _Refused(
                400, "IncompleteSignature", "host and every x-acs- header have to be signed, in order"
            )
        values = {name: (headers.get(name) or "").strip() for name in names}
        ordered = "&".join(sorted(query.split("&")))
        lines = [method, path, ordered, *(f"{name}:{values[name]}" for name in names), "", ";".join(names)]
        canonical = "\n".join([*lines, values["x-acs-content-sha256"]])
        text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        sign = hmac.new(self.keys.sms_key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(sign, given):
            raise _Refused(
                400, "SignatureDoesNotMatch", "Specified signature does not match our calculation."
            )
        try:
            at = datetime.strptime(values["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _Refused(400, "InvalidTimeStamp.Format", "x-acs-date is not well formed") from None
        if abs(time.time() - at.timestamp()) > CLOCK_WINDOW_S:
            raise _Refused(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        if values["x-acs-signature-nonce"] in self._nonces:
            raise _Refused(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces.add(values["x-acs-signature-nonce"])
        if (values["x-acs-action"], values["x-acs-version"]) != ("SendSms", "2017-05-25"):
            raise _Refused(404, "InvalidAction.NotFound", "Specified api is not found.")

    def _send(self, values: dict[str, str]) -> Message:
        phone = values.get("PhoneNumbers", "")
        if not re.fullmatch(r"1[3-9]\d{9}", phone):
            raise _Refused(200, "isv.MOBILE_NUMBER_ILLEGAL", "the number is not well formed")
        if values.get("SignName") != self.keys.sms_sign_name:
            raise _Refused(200, "isv.SMS_SIGNATURE_ILLEGAL", "the signature is not approved")
        known = {code: (name, wanted) for name, (code, wanted) in TEMPLATES.items()}
        if values.get("TemplateCode") not in known:
            raise _Refused(200, "isv.SMS_TEMPLATE_ILLEGAL", "the template is not approved")
        name, wanted = known[values["TemplateCode"]]
        try:
            params = json.loads(values.get("TemplateParam", ""))
        except ValueError:
            params = None
        if not isinstance(params, dict) or set(params) != wanted:
            raise _Refused(
                200, "isv.TEMPLATE_MISSING_PARAMETERS", f"the template takes {', '.join(sorted(wanted))}"
            )
        if name == "login":
            self._limit(phone)
        message = Message(phone, name, {key: str(value) for key, value in params.items()})
        self.messages.append(message)
        return message

    def _limit(self, phone: str) -> None:
        sent = [one.at for one in self.messages if (one.phone, one.template) == (phone, "login")]
        for seconds, most in LIMITS:
            if sum(at > time.time() - seconds for at in sent) >= most:
                raise _Refused(
                    200, "isv.BUSINESS_LIMIT_CONTROL", f"{most} codes in {seconds} s to one number"
                )
