"""Recharge offers are set up here; which one a recharge gets is asked here, and its budget taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from marketing.models import RechargeOffer
from users import policy
from users.scope import grants_of


def save_offer(*, actor: Actor, offer_id: int | None = None, **fields: Any) -> RechargeOffer:
    """Create a recharge offer or change one; bonuses already given stay as they are.

    Needs `marketing.change_rechargeoffer` and scope on the whole platform, which bears it. Raises
    `recharge_offer_invalid` naming what is wrong, `not_found`, `permission_denied`.
    """
    policy.require(actor, "marketing.change_rechargeoffer")
    if not grants_of(actor).everything:
        raise DomainError("permission_denied", {"permission": "marketing.change_rechargeoffer"})
    with transaction.atomic():
        offer, before = RechargeOffer(), None
        if offer_id is not None:
            rows = RechargeOffer.objects.select_for_update(no_key=True)
            offer = rows.filter(pk=offer_id).first()
            if offer is None:
                raise DomainError("not_found")
            before = {name: str(getattr(offer, name)) for name in fields}
        for name, value in fields.items():
            setattr(offer, name, value)
        _check(offer)
        try:
            with transaction.atomic():
                offer.save()
        except IntegrityError:
            _refuse(gettext("a limit contradicts another"))
        audit.record(
            actor=actor,
            action="marketing.save_recharge_offer",
            target=offer,
            before=before,
            after={name: str(value) for name, value in fields.items()},
        )
    return offer


def offers_at(at: datetime) -> list[RechargeOffer]:
    """The offers that hold at a moment and have budget left, the smallest recharge first."""
    rows = RechargeOffer.objects.filter(
        Q(budget_fen=None) | Q(budget_fen__gte=F("given_fen") + F("bonus_fen")),
        is_active=True,
        opens_at__lte=at,
        closes_at__gt=at,
    )
    return list(rows.order_by("least_fen", "pk"))


def take_offer(
    *, amount_fen: int, at: datetime, is_first: bool, times: Mapping[int, int]
) -> RechargeOffer | None:
    """Choose the best offer of a recharge and take its bonus from the budget; None when none holds.

    `times` counts how often the driver has had each offer ({offer id: times}). Call it in the transaction that
    credits the recharge, under the lock of the driver's wallet.
    """
    fitting = [
        offer
        for offer in offers_at(at)
        if offer.least_fen <= amount_fen
        and (is_first or not offer.first_only)
        and (offer.per_driver is None or times.get(offer.pk, 0) < offer.per_driver)
    ]
    for offer in sorted(fitting, key=lambda one: (-one.bonus_fen, one.pk)):
        rows = RechargeOffer.objects.filter(pk=offer.pk)
        room = Q(budget_fen=None) | Q(budget_fen__gte=F("given_fen") + offer.bonus_fen)
        if rows.filter(room).update(given_fen=F("given_fen") + offer.bonus_fen):
            return offer
    return None


def _check(offer: RechargeOffer) -> None:
    try:
        offer.clean_fields(exclude=["given_fen"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        _refuse(messages[0], field)
    if offer.closes_at <= offer.opens_at:
        _refuse(gettext("it ends before it begins"), "closes_at")
    if offer.budget_fen is not None and offer.budget_fen < offer.given_fen + (
        0 if offer.pk else offer.bonus_fen
    ):
        reason = gettext("it is less than what was given, or than one bonus")
        _refuse(reason, "budget_fen")


def _refuse(reason: str, field: str | None = None) -> None:
    raise DomainError("recharge_offer_invalid", {"reason": reason}, field=field)
