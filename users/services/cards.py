"""Cards: from stock to a holder's pocket and back. What moves money is on the billing floor."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit
from kernel.states import StateMachine
from users import policy
from users.models import Card, Driver, Enterprise, Operator
from users.services import edits, guards

S = Card.State
CARD_STATES = StateMachine(
    "card",
    {
        (S.STOCK.value, "open"): S.ACTIVE.value,
        (S.STOCK.value, "return"): S.RETURNED.value,
        (S.ACTIVE.value, "freeze"): S.FROZEN.value,
        (S.ACTIVE.value, "report_lost"): S.LOST.value,
        (S.ACTIVE.value, "return"): S.RETURNED.value,
        (S.FROZEN.value, "unfreeze"): S.ACTIVE.value,
        (S.FROZEN.value, "report_lost"): S.LOST.value,
        (S.FROZEN.value, "return"): S.RETURNED.value,
        (S.LOST.value, "found"): S.ACTIVE.value,
        (S.LOST.value, "return"): S.RETURNED.value,
    },
)
EDITABLE = ("is_free", "valid_from", "valid_until", "daily_times", "daily_minutes", "daily_energy_kwh")
PROOF_DIGITS = 4
_PHYSICAL = re.compile(r"[0-9A-Z_.:-]{1,20}")  # 16 hexadecimal digits (YKC), or an OCPP tag of 20 characters
_LOGICAL = re.compile(r"\d{1,16}")  # YKC V1.6: eight bytes of BCD
_HEX = re.compile(r"[0-9a-f]+")


def normal_physical_no(text: str) -> str:
    """A physical number as it is kept: upper case, without blanks and leading zeros; DomainError `card_no_invalid`."""
    number = re.sub(r"\s", "", str(text)).upper().lstrip("0")
    if not _PHYSICAL.fullmatch(number):
        raise DomainError("card_no_invalid", {"number": str(text)[:40]}, field="physical_no")
    return number


def normal_logical_no(text: str) -> str:
    """A printed number: 1 to 16 digits without leading zeros; DomainError `card_logical_invalid`."""
    number = re.sub(r"[\s-]", "", str(text))
    if not _LOGICAL.fullmatch(number) or not number.lstrip("0"):
        raise DomainError("card_logical_invalid", {"number": str(text)[:40]}, field="logical_no")
    return number.lstrip("0")


def find_card(physical_no: str) -> Card | None:
    """The card that a reader read, whatever it padded; for deciding at the pile, where scope does not apply."""
    number = re.sub(r"\s", "", physical_no).upper().lstrip("0")
    cards = Card.objects.unscoped("a pile reads any card").select_related("driver", "enterprise")
    return cards.filter(physical_no=number).first() if number else None


def add_card(
    *,
    actor: Actor,
    operator: Operator,
    physical_no: str,
    logical_no: str = "",
    kind: str = Card.Kind.ONLINE,
    opened: bool = True,
    password: str = "",
    **fields: Any,
) -> Card:
    """Take a card into the books, opened or into stock. An empty `logical_no` is allotted.

    `fields` are those of `EDITABLE`. A staff card is free unless told otherwise.
    DomainError `permission_denied`, `not_found` (operator), `card_no_invalid`, `card_logical_invalid`,
    `card_taken`, `choice`, `invalid`.
    """
    policy.require(actor, "users.issue_card")
    edits.in_scope(actor, operator)
    if kind not in Card.Kind.values:
        raise DomainError("invalid", {"field": "kind", "reason": _accepted(Card.Kind.values)}, field="kind")
    fields.setdefault("is_free", kind == Card.Kind.STAFF)
    card = Card(
        operator=operator,
        physical_no=normal_physical_no(physical_no),
        logical_no=normal_logical_no(logical_no) if logical_no else _free_logical_no(),
        kind=kind,
        state=S.ACTIVE if opened else S.STOCK,
        state_changed_at=clock.now(),
        password=password_digest(password) if password else "",
    )
    edits.apply(card, fields, editable=EDITABLE)
    _check_dates(card)
    try:
        with transaction.atomic():
            card.save(force_insert=True)
            audit.record(
                actor=actor,
                action="users.add_card",
                target=card,
                after={"physical_no": card.physical_no, "kind": card.kind, "state": card.state},
            )
    except IntegrityError:
        taken = Card.objects.unscoped("card numbers are unique on the platform").filter(
            physical_no=card.physical_no
        )
        number, field = (
            (card.physical_no, "physical_no") if taken.exists() else (card.logical_no, "logical_no")
        )
        raise DomainError("card_taken", {"number": number}, field=field) from None
    return card


def update_card(*, actor: Actor, card: Card, changes: Mapping[str, Any]) -> Card:
    """Change validity, daily limits and whether it is free; DomainError `permission_denied`, `not_found`, `invalid`."""
    policy.require(actor, "users.issue_card")
    edits.in_scope(actor, card)
    with transaction.atomic():
        card = lock_card(card)
        before, after = edits.apply(card, changes, editable=EDITABLE)
        _check_dates(card)
        if before:
            card.save(update_fields=list(before))
            audit.record(actor=actor, action="users.update_card", target=card, before=before, after=after)
    return card


def open_card(*, actor: Actor, card: Card, reason: str = "") -> Card:
    """Hand a card out of stock; DomainError `permission_denied`, `not_found`, `illegal_transition`."""
    policy.require(actor, "users.issue_card")
    return _move(actor, card, "open", reason)


def freeze_card(*, actor: Actor, card: Card, reason: str, lost: bool = False) -> Card:
    """Refuse a card from now on: frozen, or lost. Drivers do it with their own cards, staff with a reason.

    DomainError `permission_denied`, `not_found`, `reason_required`, `illegal_transition`.
    """
    if actor.kind is not ActorKind.ACCOUNT:
        policy.require(actor, "users.freeze_card")
        reason = edits.require_reason(reason)
    return _move(actor, card, "report_lost" if lost else "freeze", reason)


def unfreeze_card(*, actor: Actor, card: Card, reason: str) -> Card:
    """Let a frozen or found card start again; DomainError as `freeze_card`."""
    policy.require(actor, "users.freeze_card")
    reason = edits.require_reason(reason)
    return _move(actor, card, "found" if card.state == S.LOST else "unfreeze", reason)


def mark_returned(*, actor: Actor, card: Card, reason: str) -> Card:
    """End a card. Its money has to be gone: billing returns it first and guards this step.

    DomainError `permission_denied`, `not_found`, `reason_required`, `illegal_transition`, those of the guards.
    """
    policy.require(actor, "users.issue_card")
    reason = edits.require_reason(reason)
    return _move(actor, card, "return", reason, step=guards.RETURN_CARD)


def bind_card(
    *,
    actor: Actor,
    card: Card,
    driver: Driver | None = None,
    enterprise: Enterprise | None = None,
    pays_from: str = Card.PaysFrom.CARD,
) -> Card:
    """Give a card to a driver, to an enterprise, or to a member of it; what it pays from is set with it.

    DomainError `permission_denied`, `not_found`, `card_state`, `card_bound` (to somebody else), `card_payer`
    (pays from somebody it is not bound to), `card_foreign` (enterprise of another operator), `driver_cancelled`,
    those of the guards.
    """
    policy.require(actor, "users.issue_card")
    edits.in_scope(actor, card)
    if enterprise is not None:
        edits.in_scope(actor, enterprise)
    return _bind(actor, card, driver, enterprise, pays_from)


def bind_own_card(*, actor: Actor, driver: Driver, logical_no: str, proof: str) -> Card:
    """A driver takes a card they hold in their hand: the printed number and the end of the physical one.

    A wrong pair says no more than `card_unknown`. DomainError also `card_state`, `card_bound`.
    """
    number = normal_logical_no(logical_no)
    cards = Card.objects.unscoped("a driver binds the card in their hand")
    card = cards.filter(logical_no=number, enterprise__isnull=True).first()
    tail = re.sub(r"\s", "", str(proof)).upper()[-PROOF_DIGITS:]
    if (
        card is None
        or len(tail) < min(PROOF_DIGITS, len(card.physical_no))
        or not constant_time_compare(card.physical_no[-PROOF_DIGITS:].encode(), tail.encode())
    ):
        raise DomainError("card_unknown", {"number": number}, field="logical_no")
    return _bind(actor, card, driver, None, Card.PaysFrom.CARD)


def unbind_card(*, actor: Actor, card: Card, reason: str = "") -> Card:
    """Take a card from its holder; it pays from its own account then. Drivers do it with their own cards.

    DomainError `permission_denied`, `not_found`, and `card_busy` while a session of the card runs.
    """
    if actor.kind is not ActorKind.ACCOUNT:
        policy.require(actor, "users.issue_card")
    edits.in_scope(actor, card)
    with transaction.atomic():
        card = lock_card(card)
        if actor.kind is ActorKind.ACCOUNT and card.enterprise_id is not None:
            raise DomainError("permission_denied", {"permission": "users.issue_card"})
        guards.ask(guards.UNBIND_CARD, card)
        before = _binding(card)
        card.driver = card.enterprise = None
        card.pays_from = Card.PaysFrom.CARD
        card.save(update_fields=["driver", "enterprise", "pays_from"])
        audit.record(actor=actor, action="users.unbind_card", target=card, reason=reason, before=before)
    return card


def set_password(*, actor: Actor, card: Card, password: str) -> Card:
    """Set what has to be typed at the pile, or nothing (empty). Drivers do it with their own cards."""
    if actor.kind is not ActorKind.ACCOUNT:
        policy.require(actor, "users.issue_card")
    edits.in_scope(actor, card)
    if password and not re.fullmatch(r"[0-9A-Za-z]{4,16}", password):
        reason = _("4 to 16 letters and digits are accepted.")
        raise DomainError("invalid", {"field": "password", "reason": reason}, field="password")
    with transaction.atomic():
        card = lock_card(card)
        card.password = password_digest(password) if password else ""
        card.save(update_fields=["password"])
        audit.record(
            actor=actor, action="users.set_card_password", target=card, after={"has_password": bool(password)}
        )
    return card


def password_digest(password: str) -> str:
    """What is kept of a password: a keyed digest of the middle of its MD5, which is all that a pile sends."""
    middle = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()[8:24]
    return salted_hmac("users.card_password", middle, algorithm="sha256").hexdigest()


def password_is_right(card: Card, typed_md5: str) -> bool:
    """Whether what was typed at the pile is the card's password; true for a card without one.

    Piles send the 16 middle characters of the MD5, all 32, or the 16 characters once more as hexadecimal text.
    """
    if not card.password:
        return True
    typed = typed_md5.strip().lower()
    candidates = {typed}
    if len(typed) == 32 and _HEX.fullmatch(typed):
        candidates |= {typed[8:24], bytes.fromhex(typed).decode("latin-1").lower()}
    digests = [salted_hmac("users.card_password", c, algorithm="sha256").hexdigest() for c in candidates]
    return any(constant_time_compare(digest, card.password) for digest in digests)


def is_valid_on(card: Card, day: date) -> bool:
    """Whether the day (of the station) is inside the card's period."""
    return (card.valid_from is None or card.valid_from <= day) and (
        card.valid_until is None or day <= card.valid_until
    )


def lock_card(card: Card) -> Card:
    """The card's row, locked until the transaction ends."""
    return Card.objects.unscoped("scope is checked by the caller").select_for_update().get(pk=card.pk)


def _bind(
    actor: Actor, card: Card, driver: Driver | None, enterprise: Enterprise | None, pays_from: str
) -> Card:
    if driver is None and enterprise is None:
        raise DomainError("card_payer", field="driver")
    needed = {Card.PaysFrom.DRIVER: driver, Card.PaysFrom.ENTERPRISE: enterprise, Card.PaysFrom.CARD: card}
    if needed.get(pays_from) is None:
        raise DomainError("card_payer", field="pays_from")
    if enterprise is not None and enterprise.operator_id != card.operator_id:
        raise DomainError("card_foreign", {"number": card.logical_no}, field="enterprise")
    if driver is not None and driver.cancelled_at is not None:
        raise DomainError("driver_cancelled", field="driver")
    with transaction.atomic():
        card = lock_card(card)
        if card.state != S.ACTIVE:
            raise DomainError(
                "card_state", {"number": card.logical_no, "state": str(card.get_state_display())}
            )
        if card.driver_id is not None and (driver is None or card.driver_id != driver.pk):
            raise DomainError("card_bound", {"number": card.logical_no})
        if card.enterprise_id is not None and (enterprise is None or card.enterprise_id != enterprise.pk):
            raise DomainError("card_bound", {"number": card.logical_no})
        guards.ask(guards.UNBIND_CARD, card)
        before = _binding(card)
        card.driver, card.enterprise, card.pays_from = driver, enterprise, pays_from
        card.save(update_fields=["driver", "enterprise", "pays_from"])
        audit.record(actor=actor, action="users.bind_card", target=card, before=before, after=_binding(card))
    return card


def _binding(card: Card) -> dict[str, Any]:
    return {"driver": card.driver_id, "enterprise": card.enterprise_id, "pays_from": card.pays_from}


def _move(actor: Actor, card: Card, event: str, reason: str, step: str = "") -> Card:
    edits.in_scope(actor, card)
    with transaction.atomic():
        card = lock_card(card)
        before = card.state
        card.state = CARD_STATES.next_state(before, event)
        if step:
            guards.ask(step, card)
        card.state_changed_at = clock.now()
        fields = ["state", "state_changed_at"]
        if card.state == S.RETURNED:
            card.driver = card.enterprise = None
            card.pays_from = Card.PaysFrom.CARD
            fields += ["driver", "enterprise", "pays_from"]
        card.save(update_fields=fields)
        audit.record(
            actor=actor,
            action=f"users.card_{event}",
            target=card,
            reason=reason,
            before={"state": before},
            after={"state": card.state},
        )
    return card


def _check_dates(card: Card) -> None:
    if card.valid_from and card.valid_until and card.valid_until < card.valid_from:
        reason = _("the period ends before it begins.")
        raise DomainError("invalid", {"field": "valid_until", "reason": reason}, field="valid_until")


def _free_logical_no() -> str:
    return f"8{secrets.randbelow(10**15):015d}"


def _accepted(values: list[str]) -> str:
    return _("accepted are: %(values)s.") % {"values": ", ".join(values)}
