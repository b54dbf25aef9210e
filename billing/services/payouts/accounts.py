"""Payout accounts: bound by one, confirmed by another with a code that the payee's phone received."""

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from billing.locks import lock_payee
from billing.models import Payee, PayoutAccount, PayoutChannel
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.services import edits, sms
from users.services.drivers import normal_phone

CODE_LIFE = timedelta(hours=24)
MOST_ATTEMPTS = 5
S = PayoutAccount.State


def bind_account(
    *, actor: Actor, payee: Payee, channel: str, identity: str, real_name: str, bank_name: str = ""
) -> PayoutAccount:
    """Name the account a payee wants to be paid to, and send a code to the payee's phone.

    The account in use stays in use until this one is confirmed; another one that waits is rejected. Needs
    `billing.bind_payoutaccount`. DomainError `permission_denied`, `not_found`, `invalid`, `phone_invalid`
    (the payee's own), `sms_failed`.
    """
    policy.require(actor, "billing.bind_payoutaccount")
    edits.in_scope(actor, payee)
    account = PayoutAccount(
        payee=payee,
        operator_id=payee.operator_id,
        channel=channel,
        identity=identity.strip(),
        real_name=real_name.strip(),
        bank_name=bank_name.strip(),
        bound_by_key=actor.key[:96],
        bound_by_name=actor.name[:128],
        bound_at=clock.now(),
    )
    edits.validate(account)
    if channel == PayoutChannel.BANK and not account.bank_name:
        reason = _("a bank account needs its bank and branch")
        raise DomainError("invalid", {"field": "bank_name", "reason": reason}, field="bank_name")
    phone = normal_phone(payee.phone)
    code = f"{secrets.randbelow(10**6):06d}"
    with transaction.atomic():
        lock_payee(payee.pk)
        waiting = PayoutAccount.objects.unscoped("accounts of one payee").filter(payee=payee, state=S.PENDING)
        waiting.update(state=S.REJECTED)
        account.code_expires_at = clock.now() + CODE_LIFE
        account.save(force_insert=True)
        account.code_digest = _digest(account.pk, code)
        account.save(update_fields=["code_digest"])
        audit.record(
            actor=actor,
            action="billing.bind_payout_account",
            target=account,
            after={"payee": payee.code, "channel": channel, "account": account.masked},
        )
    try:
        sms.sender().send_login_code(phone, code)
    except sms.SmsError:
        raise DomainError("sms_failed") from None
    return account


def verify_account(*, actor: Actor, account: PayoutAccount, code: str) -> PayoutAccount:
    """Confirm an account with the code that the payee got; from then on payouts go there.

    Needs `billing.verify_payoutaccount` and to be somebody else than who bound it. DomainError
    `permission_denied`, `not_found`, `payout_account_decided`, `four_eyes`, `login_code_wrong`,
    `login_code_too_many`. A wrong code counts even though it is refused.
    """
    policy.require(actor, "billing.verify_payoutaccount")
    edits.in_scope(actor, account)
    refusal = None
    try:
        with transaction.atomic():
            lock_payee(account.payee_id)
            account = PayoutAccount.objects.unscoped("scope is checked above").get(pk=account.pk)
            if account.state != S.PENDING:
                raise DomainError("payout_account_decided")
            if account.bound_by_key == actor.key:
                raise DomainError("four_eyes")
            refusal = _try(account, code)
            if refusal is None:
                _use(account, actor)
    except IntegrityError:
        raise DomainError("payout_account_decided") from None
    if refusal is not None:
        raise DomainError(refusal, field="code")
    return account


def _try(account: PayoutAccount, code: str) -> str | None:
    if account.attempts >= MOST_ATTEMPTS:
        return "login_code_too_many"
    account.attempts += 1
    account.save(update_fields=["attempts"])
    right = constant_time_compare(account.code_digest, _digest(account.pk, code.strip()))
    return None if right and clock.now() < account.code_expires_at else "login_code_wrong"


def _use(account: PayoutAccount, actor: Actor) -> None:
    rows = PayoutAccount.objects.unscoped("accounts of one payee")
    replaced = rows.filter(payee_id=account.payee_id, state=S.VERIFIED).first()
    if replaced is not None:
        replaced.state = S.REPLACED
        replaced.save(update_fields=["state"])
    account.state, account.verified_at, account.code_digest = S.VERIFIED, clock.now(), ""
    account.verified_by_key, account.verified_by_name = actor.key[:96], actor.name[:128]
    account.save()
    audit.record(
        actor=actor,
        action="billing.verify_payout_account",
        target=account,
        before={"account": replaced.masked if replaced else ""},
        after={"account": account.masked},
    )


def _digest(account_id: int, code: str) -> str:
    return salted_hmac("payout-account", f"{account_id}:{code}", algorithm="sha256").hexdigest()
