"""What a coupon is worth, in the reader's language."""

from django.utils.translation import gettext as _

from marketing.models import CouponCampaign


def worth_of(campaign: CouponCampaign) -> str:
    """Such as «5.00 yuan off the service fee, from 20.00 yuan on»."""
    if campaign.energy_kwh:
        text = _("%(kwh)s kWh free") % {"kwh": f"{campaign.energy_kwh:f}".rstrip("0").rstrip(".")}
    elif campaign.off_bp:
        text = _("%(rate)s %% off") % {"rate": f"{campaign.off_bp / 100:g}"}
    else:
        text = _("%(yuan)s yuan off") % {"yuan": f"{campaign.off_fen / 100:.2f}"}
    if campaign.covers == CouponCampaign.Covers.SERVICE:
        text = _("service fee: %(worth)s") % {"worth": text}
    if campaign.least_fen:
        text = _("%(worth)s, from %(yuan)s yuan on") % {
            "worth": text,
            "yuan": f"{campaign.least_fen / 100:.2f}",
        }
    return text
