from marketing.models.coupon import Coupon, CouponCampaign
from marketing.models.level import MemberLevel, Membership
from marketing.models.recharge import RechargeOffer

__all__ = ["Coupon", "CouponCampaign", "MemberLevel", "Membership", "RechargeOffer"]
