from marketing.admin import campaign, coupon  # noqa: F401
