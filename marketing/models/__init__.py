from marketing.models.coupon import Coupon, CouponCampaign
from marketing.models.recharge import RechargeOffer

__all__ = ["Coupon", "CouponCampaign", "RechargeOffer"]
