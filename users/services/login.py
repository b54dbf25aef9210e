"""Login by a code sent to the phone: six digits, five minutes, five tries, a minute between two codes.

Only a keyed digest of a code is stored: six digits are guessed from a plain hash in a second.
"""

import math
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from kernel import clock
from kernel.actor import system
from kernel.errors import DomainError
from users.models import Driver, PhoneLogin
from users.services import drivers, sms, tokens

CODE_LIFE = timedelta(minutes=5)
SEND_PAUSE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
KEEP = timedelta(days=1)


def request_code(*, phone: str, ip: str) -> None:
    """Send a login code to `phone`; the code that was sent before is void from then on.

    The answer is the same whether the phone has an account or not.
    DomainError `phone_invalid`, `login_code_too_soon`, `sms_failed`.
    """
    phone = drivers.normal_phone(phone)
    code = f"{secrets.randbelow(10**6):06d}"
    now = clock.now()
    with transaction.atomic():
        last = _latest_locked(phone)
        if last is not None and now < last.created_at + SEND_PAUSE:
            seconds = math.ceil((last.created_at + SEND_PAUSE - now).total_seconds())
            raise DomainError("login_code_too_soon", {"seconds": seconds})
        PhoneLogin.objects.filter(phone=phone, expires_at__lt=now - KEEP).delete()
        PhoneLogin.objects.create(
            phone=phone, digest=_digest(phone, code), created_at=now, expires_at=now + CODE_LIFE
        )
    try:
        sms.sender().send_login_code(phone, code)
    except sms.SmsError:
        raise DomainError("sms_failed") from None


def verify_code(*, phone: str, code: str, device: str = "") -> tuple[Driver, str]:
    """Exchange the latest code of `phone` for (driver, token); a new phone becomes a driver here.

    DomainError `phone_invalid`, `login_code_wrong` (wrong, used, expired or never sent), `login_code_too_many`.
    A failed try counts even though it is refused.
    """
    phone = drivers.normal_phone(phone)
    with transaction.atomic():
        login = _latest_locked(phone)
        refusal = _try(login, phone, code)
        if refusal is None:
            driver = drivers.register_driver(actor=system("login"), phone=phone, get_existing=True)
            token = tokens.issue_token(actor=system("login"), driver=driver, name=device)
    if refusal is not None:
        raise DomainError(refusal, field="code")
    return driver, token


def prove_phone(*, phone: str, code: str) -> str:
    """Use up the latest code of `phone`, and nothing else: the number, normalised. Raises as `verify_code` does."""
    phone = drivers.normal_phone(phone)
    with transaction.atomic():
        refusal = _try(_latest_locked(phone), phone, code)
    if refusal is not None:
        raise DomainError(refusal, field="code")
    return phone


def _try(login: PhoneLogin | None, phone: str, code: str) -> str | None:
    now = clock.now()
    if login is None or login.used_at is not None or login.expires_at <= now:
        return "login_code_wrong"
    if login.attempts >= MOST_ATTEMPTS:
        return "login_code_too_many"
    login.attempts += 1
    right = constant_time_compare(login.digest, _digest(phone, code.strip()))
    if right:
        login.used_at = now
    login.save(update_fields=["attempts", "used_at"])
    return None if right else "login_code_wrong"


def _latest_locked(phone: str) -> PhoneLogin | None:
    return PhoneLogin.objects.select_for_update().filter(phone=phone).order_by("-id").first()


def _digest(phone: str, code: str) -> str:
    return salted_hmac("users.login_code", f"{phone}:{code}", algorithm="sha256").hexdigest()
