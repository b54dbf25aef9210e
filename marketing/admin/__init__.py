from marketing.admin import campaign, coupon, recharge  # noqa: F401
