from marketing.models.coupon import Coupon, CouponCampaign

__all__ = ["Coupon", "CouponCampaign"]
