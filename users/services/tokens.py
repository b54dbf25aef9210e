"""Bearer tokens of drivers' apps: opaque, stored as a digest, expiring, revocable one by one."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction

from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.services import audit
from users import policy
from users.models import Driver, DriverToken
from users.services import edits

PREFIX = "evd_"  # lets a scanner of leaked secrets recognise one
LONGEST = 128


def issue_token(*, actor: Actor, driver: Driver, name: str = "", days: int = 90) -> str:
    """Issue a token and return it; this is the only moment its text exists here.

    Drivers may issue for themselves, staff need `users.add_drivertoken` and the driver in their scope.
    DomainError `permission_denied`, `not_found`.
    """
    if not (actor.kind is ActorKind.ACCOUNT and actor.id == str(driver.pk)):
        policy.require(actor, "users.add_drivertoken")
        edits.in_scope(actor, driver)
    raw = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = DriverToken.objects.create(
            driver=driver,
            digest=digest(raw),
            name=name.strip()[:64],
            expires_at=clock.now() + timedelta(days=days),
        )
        audit.record(
            actor=actor,
            action="users.issue_token",
            target=driver,
            after={"token": token.pk, "device": token.name, "expires_at": token.expires_at.isoformat()},
        )
    return raw


def token_of(raw: str) -> DriverToken | None:
    """The valid token of this text with its driver, or None when unknown, expired or revoked."""
    if not raw or len(raw) > LONGEST:
        return None
    return (
        DriverToken.objects.select_related("driver")
        .filter(digest=digest(raw), revoked_at__isnull=True, expires_at__gt=clock.now())
        .first()
    )


def driver_of_token(raw: str) -> Driver | None:
    """The driver whose valid token this is, or None."""
    token = token_of(raw)
    return None if token is None else token.driver


def revoke_token(*, actor: Actor, token: DriverToken) -> None:
    """Revoke one token; revoking it again changes nothing. Same permissions as issuing."""
    if not (actor.kind is ActorKind.ACCOUNT and actor.id == str(token.driver_id)):
        policy.require(actor, "users.delete_drivertoken")
        edits.in_scope(actor, token.driver)
    with transaction.atomic():
        revoked = DriverToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=clock.now()
        )
        if revoked:
            audit.record(
                actor=actor, action="users.revoke_token", target=token.driver, after={"token": token.pk}
            )


def digest(raw: str) -> str:
    """SHA-256 of a token; 256 random bits need neither salt nor stretching."""
    return hashlib.sha256(raw.encode()).hexdigest()
