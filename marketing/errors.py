"""Refusals of this app in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "recharge_offer_invalid": (_("The recharge offer is not valid: %(reason)s"), 400),
        "level_taken": (_("The tag %(name)s is a level already."), 409),
        "campaign_invalid": (_("The campaign is not valid: %(reason)s"), 400),
        "campaign_closed": (_("%(name)s cannot be claimed now."), 409),
        "coupons_gone": (_("All coupons of %(name)s have been given out."), 409),
        "coupon_limit": (_("Each person gets at most %(most)s coupons of %(name)s."), 409),
        "coupon_unknown": (_("There is no coupon %(code)s."), 404),
        "coupon_not_usable": (_("The coupon %(code)s cannot be used: %(reason)s"), 409),
    }
)
