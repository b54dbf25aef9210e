"""Log-in by WeChat and Alipay: the first one is bound to the account of a proven phone number, later ones are enough.

The provider is asked before anything is locked. A code works once, so what it proved is kept for ten minutes in a
signed ticket, with which the app comes back when it has the number's proof: WeChat's own, or a text message.
"""

from dataclasses import dataclass

from django.core import signing
from django.db import IntegrityError, transaction

from kernel import clock
from kernel.actor import Actor, ActorKind, system
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.identities.channels import LoginOff, login_providers, provider_of
from users.identities.provider import Identity, IdentityProvider, IdentityRefused, IdentityUnreachable
from users.models import Driver, DriverIdentity
from users.services import drivers, edits, login, tokens

TICKET_LIFE_S = 600
_SALT = "users.identity_ticket"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Either a driver with a token, or a ticket that wants the proof of a phone number."""

    driver: Driver | None = None
    token: str = ""
    ticket: str = ""


def log_in(*, provider: str, code: str, device: str = "") -> LoggedIn:
    """Exchange an app's code for a token, or for a ticket where the account there is bound to nobody yet.

    DomainError `login_provider_off`, `login_app_code_wrong`, `login_provider_silent`, `driver_cancelled`.
    """
    identity = _identified(provider, code)
    known = _bound(identity)
    if known is None:
        return LoggedIn(ticket=_ticket(identity))
    return _entered(known, device)


def bind_first(
    *, ticket: str, phone_code: str = "", phone: str = "", code: str = "", device: str = ""
) -> LoggedIn:
    """Finish a first log-in: the phone's account (a new one, where it has none) is the driver's from now on.

    The number is proven by `phone_code` (the app's own consent) or by `phone` and the `code` of a text message.
    DomainError `login_ticket_wrong`, `login_phone_unproven`, `identity_taken`, `identity_other_bound`, and those of
    `log_in` and of `login.prove_phone`.
    """
    identity = _read_ticket(ticket)
    known = _bound(identity)  # somebody else's ticket, or a second tap on the button
    if phone_code:
        client = _client(identity.provider)
        if not client.knows_phones:
            raise DomainError("login_phone_unproven", field="phone_code")
        proven = drivers.normal_phone(_ask(lambda: client.phone(phone_code), "phone_code"))
    elif phone and code:
        proven = login.prove_phone(phone=phone, code=code)
    else:
        raise DomainError("login_phone_unproven", field="phone")
    if known is not None and known.driver.phone != proven:
        raise DomainError("identity_taken", {"provider": known.get_provider_display()})
    driver = drivers.register_driver(actor=system("login"), phone=proven, get_existing=True)
    return _entered(_bind(driver=driver, identity=identity, actor=system("login")), device)


def bind_own(*, actor: Actor, driver: Driver, provider: str, code: str) -> DriverIdentity:
    """A driver who is logged in binds an app. DomainError as of `log_in` and `bind_first`."""
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("not_found")
    return _bind(driver=driver, identity=_identified(provider, code), actor=actor)


def unbind(*, actor: Actor, driver: Driver, provider: str, reason: str = "") -> int:
    """Take an app off a driver; log-in by text message stays. How many were taken off, at least one.

    Drivers do it for themselves; staff need `users.change_driver` and a reason. DomainError `permission_denied`,
    `reason_required`, `not_found`.
    """
    if actor.kind is ActorKind.ACCOUNT:
        if actor.id != str(driver.pk):
            raise DomainError("not_found")
    else:
        policy.require(actor, "users.change_driver")
        edits.in_scope(actor, driver)
        reason = edits.require_reason(reason)
    with transaction.atomic():
        rows = _rows().filter(driver=driver, provider=provider)
        gone = [str(row) for row in rows.select_for_update()]
        if not gone:
            raise DomainError("not_found")
        rows.delete()
        audit.record(
            actor=actor,
            action="users.unbind_identity",
            target=driver,
            reason=reason,
            before={"identities": gone},
        )
    return len(gone)


def identities_of(driver: Driver) -> list[DriverIdentity]:
    """The apps that a driver logs in by."""
    return list(_rows().filter(driver=driver).order_by("provider", "pk"))


def offered() -> list[str]:
    """The providers that an app may offer."""
    return login_providers()


def _rows():
    return DriverIdentity.objects.unscoped("an account at a provider belongs to one driver of the platform")


def _bound(identity: Identity) -> DriverIdentity | None:
    rows = _rows().filter(provider=identity.provider, app_id=identity.app_id, subject=identity.subject)
    return rows.select_related("driver").first()


def _bind(*, driver: Driver, identity: Identity, actor: Actor) -> DriverIdentity:
    """Bind, once: of two at the same time the constraints let one win, and the other finds its row."""
    now = clock.now()
    try:
        with transaction.atomic():
            row = DriverIdentity.objects.create(
                driver=driver,
                provider=identity.provider,
                app_id=identity.app_id,
                subject=identity.subject,
                union_id=identity.union_id,
                created_at=now,
                last_login_at=now,
            )
            audit.record(
                actor=actor, action="users.bind_identity", target=driver, after={"identity": str(row)}
            )
            return row
    except IntegrityError:
        row = _bound(identity)
    words = DriverIdentity.Provider(identity.provider).label
    if row is None:
        raise DomainError("identity_other_bound", {"provider": words})
    if row.driver_id != driver.pk:
        raise DomainError("identity_taken", {"provider": words})
    return row


def _entered(row: DriverIdentity, device: str) -> LoggedIn:
    driver = row.driver
    if driver.cancelled_at is not None:
        raise DomainError("driver_cancelled")
    with transaction.atomic():
        _rows().filter(pk=row.pk).update(last_login_at=clock.now())
        token = tokens.issue_token(actor=system("login"), driver=driver, name=device)
    return LoggedIn(driver=driver, token=token)


def _identified(provider: str, code: str) -> Identity:
    client = _client(provider)
    return _ask(lambda: client.identity(code), "code")


def _client(provider: str) -> IdentityProvider:
    try:
        return provider_of(provider)
    except LoginOff:
        raise DomainError("login_provider_off", {"provider": provider[:16]}, field="provider") from None


def _ask(question, field: str):
    try:
        return question()
    except IdentityRefused:
        raise DomainError("login_app_code_wrong", field=field) from None
    except IdentityUnreachable:
        raise DomainError("login_provider_silent") from None


def _ticket(identity: Identity) -> str:
    return signing.dumps(
        [identity.provider, identity.app_id, identity.subject, identity.union_id], salt=_SALT, compress=True
    )


def _read_ticket(ticket: str) -> Identity:
    try:
        return Identity(*signing.loads(ticket, salt=_SALT, max_age=TICKET_LIFE_S))
    except (signing.BadSignature, TypeError, ValueError):
        raise DomainError("login_ticket_wrong", field="ticket") from None
