"""Campaigns are set up here, by staff of an operator or of the platform."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from marketing.locks import lock_campaign
from marketing.models import CouponCampaign
from users import policy
from users.models import Operator
from users.scope import grants_of

# What coupons already given out promise cannot be changed any more.
FROZEN_ONCE_ISSUED = (
    "off_bp",
    "off_fen",
    "energy_kwh",
    "covers",
    "cap_fen",
    "least_fen",
    "station",
    "bearer",
)


def save_campaign(
    *, actor: Actor, operator: Operator | None, campaign_id: int | None = None, **fields: Any
) -> CouponCampaign:
    """Create a campaign or change one; what coupons are worth stays once one is given out.

    Needs `marketing.change_couponcampaign`; without an operator, scope on the whole platform. Raises
    `campaign_invalid` naming what is wrong, `not_found`, `permission_denied`.
    """
    policy.require(actor, "marketing.change_couponcampaign")
    everything = grants_of(actor).everything
    if operator is None and campaign_id is None and not everything:
        raise DomainError("permission_denied", {"permission": "marketing.change_couponcampaign"})
    with transaction.atomic():
        before = None
        if campaign_id is None:
            campaign = CouponCampaign(operator=operator)
            if operator is None:
                campaign.bearer = CouponCampaign.Bearer.PLATFORM
                fields.pop("bearer", None)
        else:
            if not CouponCampaign.objects.for_actor(actor).filter(pk=campaign_id).exists():
                raise DomainError("not_found")
            campaign = lock_campaign(campaign_id)
            before = {name: str(getattr(campaign, name)) for name in fields}
            _refuse_changes_of_issued(campaign, fields)
        for name, value in fields.items():
            setattr(campaign, name, value)
        _check(campaign, everything)
        try:
            with transaction.atomic():
                campaign.save()
        except IntegrityError:
            _refuse(gettext("a limit contradicts another"))
        audit.record(
            actor=actor,
            action="marketing.save_campaign",
            target=campaign,
            before=before,
            after={name: str(value) for name, value in fields.items()},
        )
    return campaign


def _refuse_changes_of_issued(campaign: CouponCampaign, fields: dict[str, Any]) -> None:
    if not campaign.issued:
        return
    for name in FROZEN_ONCE_ISSUED:
        if name in fields and fields[name] != getattr(campaign, name):
            reason = gettext("coupons have been given out; what they are worth stays as it is")
            _refuse(reason, name)


def _check(campaign: CouponCampaign, everything: bool) -> None:
    worths = [name for name in ("off_bp", "off_fen", "energy_kwh") if getattr(campaign, name)]
    if len(worths) != 1:
        _refuse(gettext("give exactly one: per cent off, an amount off, or free energy"), "off_bp")
    if campaign.total is not None and campaign.total < campaign.issued:
        reason = gettext("%(issued)s have been given out already") % {"issued": campaign.issued}
        _refuse(reason, "total")
    if campaign.closes_at <= campaign.opens_at:
        _refuse(gettext("it ends before it begins"), "closes_at")
    if campaign.bearer == CouponCampaign.Bearer.PLATFORM and not everything:
        _refuse(gettext("only the platform decides what the platform bears"), "bearer")
    if (
        campaign.operator_id is not None
        and campaign.station_id is not None
        and campaign.station.operator_id != campaign.operator_id
    ):
        raise DomainError("not_found", field="station")
    try:
        campaign.clean_fields(exclude=["issued"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        _refuse(messages[0], field)


def _refuse(reason: str, field: str | None = None) -> None:
    raise DomainError("campaign_invalid", {"reason": reason}, field=field)
