"""The only places of this app that lock rows: a campaign, then its coupons. Taken before billing's locks."""

from marketing.models import CouponCampaign


def lock_campaign(campaign_id: int) -> CouponCampaign:
    """Lock a campaign; every coupon is given out under this lock."""
    rows = CouponCampaign.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.get(pk=campaign_id)
