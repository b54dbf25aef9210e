"""Run a request once per key, and answer its repeats the same way."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from kernel import clock
from kernel.errors import DomainError
from kernel.models import IdempotencyKey


def fingerprint(*parts: Any) -> str:
    """Stable digest of JSON-compatible request parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def run_once(
    *, owner: str, key: str, request_fingerprint: str, action: Callable[[], tuple[int, Any]]
) -> tuple[int, Any]:
    """Run `action` once per (owner, key) in one transaction with the key's row.

    Returns:
        (status, JSON response) of the first run, also for repeats. A refusal (`DomainError`) rolls the key
        back, so a client may try again with the same key once the cause is gone.

    Raises:
        DomainError: `idempotency_conflict` when the key was used for a different request.
    """
    existing = IdempotencyKey.objects.filter(owner=owner, key=key).first()
    if existing is None:
        try:
            with transaction.atomic():
                row = IdempotencyKey.objects.create(
                    owner=owner, key=key, fingerprint=request_fingerprint, created_at=clock.now()
                )
                row.status, row.response = action()
                row.save(update_fields=["status", "response"])
                return row.status, row.response
        except IntegrityError:
            # A rival committed the same key first (or the action broke another constraint).
            existing = IdempotencyKey.objects.filter(owner=owner, key=key).first()
            if existing is None:
                raise
    if existing.fingerprint != request_fingerprint:
        raise DomainError("idempotency_conflict")
    return existing.status, existing.response
