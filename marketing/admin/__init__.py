from marketing.admin import campaign, coupon, level, recharge  # noqa: F401
