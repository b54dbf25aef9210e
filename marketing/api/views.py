"""The coupon centre, and my coupons."""

from typing import Any

from django.db.models import F
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from kernel import clock
from marketing.models import Coupon, CouponCampaign
from marketing.services import coupons, recharge_offers
from marketing.words import worth_of
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

COUPON_STATES = Coupon.State.values


class CampaignSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    worth = serializers.SerializerMethodField(help_text="What a coupon is worth, in a sentence.")
    station_id = serializers.IntegerField(
        allow_null=True, help_text="The one station where it holds; null: all."
    )
    closes_at = serializers.DateTimeField()
    valid_days = serializers.IntegerField(help_text="Days from the claim on.")
    left = serializers.IntegerField(help_text="How many are left.")
    may_claim = serializers.BooleanField(help_text="Whether I can have one more now.")

    @extend_schema_field(serializers.CharField())
    def get_worth(self, campaign: CouponCampaign) -> str:
        return worth_of(campaign)


class CouponSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="Given as `coupon` when charging starts.")
    campaign = serializers.CharField(source="campaign.name")
    worth = serializers.SerializerMethodField(help_text="What it is worth, in a sentence.")
    state = serializers.ChoiceField(choices=COUPON_STATES)
    station_id = serializers.IntegerField(
        source="campaign.station_id", allow_null=True, help_text="The one station where it holds; null: all."
    )
    claimed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    order_no = serializers.CharField(source="taken_for", help_text="The order that has it; empty for none.")
    used_fen = serializers.IntegerField(help_text="What it took off.")

    @extend_schema_field(serializers.CharField())
    def get_worth(self, coupon: Coupon) -> str:
        return worth_of(coupon.campaign)


class CouponPageSerializer(serializers.Serializer):
    results = CouponSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class CouponQuerySerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=COUPON_STATES, required=False)
    cursor = CursorField(length=1)
    limit = LimitField()


class CentreView(DriverView):
    """What can be claimed now."""

    @describe(
        operation_id="coupon_centre",
        summary="Coupons that can be claimed",
        description="Open campaigns with coupons left, newest first; at most 100.",
        responses={200: CampaignSerializer(many=True)},
        tags=["coupons"],
    )
    def get(self, request: Request) -> Response:
        now = clock.now()
        rows = CouponCampaign.objects.unscoped("what any driver may claim").filter(
            is_active=True, claimable=True, opens_at__lte=now, closes_at__gt=now, issued__lt=F("total")
        )
        campaigns = list(rows.order_by("-pk")[:100])
        mine: dict[int, int] = {}
        own = Coupon.objects.for_actor(self.actor).filter(driver=self.driver, campaign__in=campaigns)
        for campaign_id in own.values_list("campaign_id", flat=True):
            mine[campaign_id] = mine.get(campaign_id, 0) + 1
        for campaign in campaigns:
            campaign.may_claim = mine.get(campaign.pk, 0) < campaign.per_driver
        return Response(CampaignSerializer(campaigns, many=True).data)


class ClaimView(DriverView):
    """Take one coupon."""

    @describe(
        operation_id="coupon_claim",
        summary="Claim a coupon",
        request=None,
        responses={201: CouponSerializer},
        refuses=(403, 404, 409),
        tags=["coupons"],
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        coupon = coupons.claim(actor=self.actor, driver=self.driver, campaign_id=campaign_id)
        return Response(CouponSerializer(coupon).data, status=status.HTTP_201_CREATED)


class CouponListView(DriverView):
    """My coupons."""

    @describe(
        operation_id="coupons_list",
        summary="My coupons",
        description="Newest first.",
        parameters=[CouponQuerySerializer],
        responses={200: CouponPageSerializer},
        refuses=(400,),
        tags=["coupons"],
    )
    def get(self, request: Request) -> Response:
        query: dict[str, Any] = read(CouponQuerySerializer, request.query_params)
        rows = Coupon.objects.for_actor(self.actor).filter(driver=self.driver).select_related("campaign")
        if "state" in query:
            rows = rows.filter(state=query["state"])
        if "cursor" in query:
            rows = rows.filter(pk__lt=query["cursor"][0])
        limit = query["limit"]
        found = list(rows.order_by("-pk")[: limit + 1])
        page = found[:limit]
        following = encode_cursor(page[-1].pk) if len(found) > limit else None
        return Response(CouponPageSerializer({"results": page, "next": following}).data)


class RechargeOfferSerializer(serializers.Serializer):
    name = serializers.CharField()
    least_fen = serializers.IntegerField(help_text="A recharge of at least so much ...")
    bonus_fen = serializers.IntegerField(help_text="... gets so much on top.")
    first_only = serializers.BooleanField(help_text="Only for my first recharge.")
    closes_at = serializers.DateTimeField()


class RechargeOfferListView(DriverView):
    """What recharges get on top now."""

    @describe(
        operation_id="recharge_offers",
        summary="Recharge offers",
        description="Offers that hold now, the smallest recharge first; the best that fits a recharge is given.",
        responses={200: RechargeOfferSerializer(many=True)},
        tags=["wallet"],
    )
    def get(self, request: Request) -> Response:
        return Response(RechargeOfferSerializer(recharge_offers.offers_at(clock.now()), many=True).data)
