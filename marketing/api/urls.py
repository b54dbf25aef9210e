"""Addresses of the coupon centre and of my coupons, under /api/v1/."""

from django.urls import path

from marketing.api import members, views

urlpatterns = [
    path("driver/coupon-centre", views.CentreView.as_view(), name="driver-coupon-centre"),
    path(
        "driver/coupon-centre/<int:campaign_id>/claim", views.ClaimView.as_view(), name="driver-coupon-claim"
    ),
    path("driver/recharge-offers", views.RechargeOfferListView.as_view(), name="driver-recharge-offers"),
    path("driver/memberships", members.MembershipListView.as_view(), name="driver-memberships"),
    path("driver/coupons", views.CouponListView.as_view(), name="driver-coupons"),
]
