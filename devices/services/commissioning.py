"""The waiting list: piles that dialled in under a code nobody registered."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from devices.models import UnknownPile
from devices.services.references import pile_by_any_protocol
from kernel import clock
from kernel.actor import system
from kernel.services import audit

AUDIT_AGAIN = timedelta(hours=1)  # a pile that tries every ten seconds fills no audit trail
_NOT_ITSELF = ("tls_", "certificate_")


def note_unknown_pile(
    *, code: str, protocol: str, remote_address: str, login: Mapping[str, Any], reason: str = "unknown"
) -> None:
    """List a refused pile, once per code and protocol; a registered one that proves too little is audited too."""
    now = clock.now()
    with transaction.atomic():
        row, created = UnknownPile.objects.get_or_create(
            code=code[:64],
            protocol=protocol,
            defaults={
                "login": dict(login),
                "remote_address": remote_address,
                "reason": reason,
                "first_seen_at": now,
                "last_seen_at": now,
            },
        )
        known_trouble = not created and row.reason == reason and now - row.last_seen_at < AUDIT_AGAIN
        if reason.startswith(_NOT_ITSELF) and not known_trouble:
            pile = pile_by_any_protocol(code)
            if pile is not None:
                audit.record(
                    actor=system("gateway"),
                    action="devices.refuse_connection",
                    target=pile,
                    reason=reason,
                    after={"protocol": protocol, "remote_address": remote_address, "reason": reason},
                )
        if not created:
            UnknownPile.objects.filter(pk=row.pk).update(
                login=dict(login),
                remote_address=remote_address,
                reason=reason,
                last_seen_at=now,
                attempts=F("attempts") + 1,
            )


def count_findings(pile_id: int, findings: Mapping[str, int]) -> None:
    """Add to a pile's counters of protocol oddities (checksum order, bad frames …)."""
    from devices.locks import lock_pile

    if not findings:
        return
    with transaction.atomic():
        pile = lock_pile(pile_id)
        counters = dict(pile.findings)
        for name, number in findings.items():
            counters[name] = counters.get(name, 0) + number
        pile.findings = counters
        pile.save(update_fields=["findings"])
