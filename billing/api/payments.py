"""Paying in: open a recharge, watch it; which channels there are."""

from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.orders import IDEMPOTENCY_KEY, LONGEST_KEY
from billing.models import Payment
from billing.payments.channels import channels_on
from billing.services import payments
from kernel.errors import DomainError
from users.api.base import DriverView, client_ip, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

PAYMENT_STATES = Payment.State.values
PAYMENT_CHANNELS = ["wechat", "alipay"]


class PaymentSerializer(serializers.ModelSerializer):
    """A recharge as its driver sees it."""

    state = serializers.ChoiceField(choices=PAYMENT_STATES, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    channel = serializers.ChoiceField(choices=PAYMENT_CHANNELS, read_only=True)
    pay_params = serializers.SerializerMethodField(
        help_text="What the app hands to the channel's own app or shows as a code; null once it is over."
    )

    class Meta:
        model = Payment
        fields = [
            "out_trade_no", "channel", "way", "amount_fen", "state", "state_text", "created_at", "expires_at",
            "paid_at", "paid_fen", "refunded_fen", "pay_params",
        ]  # fmt: skip
        read_only_fields = fields

    def get_pay_params(self, payment: Payment) -> dict[str, str] | None:
        return payment.pay_params if payment.state == Payment.State.PAYING else None


class PaymentPageSerializer(serializers.Serializer):
    results = PaymentSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class RechargeSerializer(serializers.Serializer):
    channel = serializers.CharField(max_length=16, help_text="`wechat` or `alipay`.")
    amount_fen = serializers.IntegerField(help_text="How much enters the wallet.")
    way = serializers.CharField(
        max_length=8,
        required=False,
        default="",
        help_text="wechat: native (default), jsapi, app, h5; alipay: wap (default), page, app, qr.",
    )
    openid = serializers.CharField(
        max_length=128, required=False, default="", help_text="The payer in the mini program, for jsapi."
    )


class ChannelSerializer(serializers.Serializer):
    channel = serializers.CharField()
    ways = serializers.ListField(child=serializers.CharField())


class PageQuerySerializer(serializers.Serializer):
    cursor = CursorField(length=1)
    limit = LimitField()


def idempotency_key(request: Request) -> str:
    """The request's own key, or nothing; raises `invalid` when it is too long."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY:
        reason = _("at most %(longest)s characters are accepted.") % {"longest": LONGEST_KEY}
        raise DomainError("invalid", {"field": "Idempotency-Key", "reason": reason}, field="Idempotency-Key")
    return key


def page_of(rows, query: dict, serializer: type[serializers.Serializer]) -> Response:
    """One page of rows that are ordered by falling id."""
    if "cursor" in query:
        rows = rows.filter(pk__lt=query["cursor"][0])
    found = list(rows.order_by("-pk")[: query["limit"] + 1])
    page = found[: query["limit"]]
    following = encode_cursor(page[-1].pk) if len(found) > len(page) else None
    return Response(serializer({"results": page, "next": following}).data)


class ChannelListView(DriverView):
    """Payment channels that are on."""

    @describe(
        operation_id="payment_channels",
        summary="Payment channels",
        responses={200: ChannelSerializer(many=True)},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        rows = [{"channel": provider.channel, "ways": list(provider.ways)} for provider in channels_on()]
        return Response(ChannelSerializer(rows, many=True).data)


class PaymentListView(DriverView):
    """My recharges, and the opening of a new one."""

    @describe(
        operation_id="payments_list",
        summary="My recharges",
        description="Newest first.",
        parameters=[PageQuerySerializer],
        responses={200: PaymentPageSerializer},
        refuses=(400,),
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        rows = Payment.objects.for_actor(self.actor)
        return page_of(rows, read(PageQuerySerializer, request.query_params), PaymentPageSerializer)

    @describe(
        operation_id="payments_create",
        summary="Recharge",
        description=(
            "Opens a payment at the channel. The wallet is credited when the channel proves that it was paid; "
            "what is owed is paid first. After 503 repeat with the same key."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=RechargeSerializer,
        responses={201: PaymentSerializer},
        refuses=(400, 409, 503),
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        data = read(RechargeSerializer, request.data)
        payment = payments.create_payment(
            actor=self.actor,
            driver=self.driver,
            client_ip=client_ip(request),
            idempotency_key=idempotency_key(request),
            **data,
        )
        return Response(PaymentSerializer(payment).data, status=status.HTTP_201_CREATED)


class PaymentView(DriverView):
    """One of my recharges."""

    @describe(
        operation_id="payments_get",
        summary="One recharge",
        responses={200: PaymentSerializer},
        refuses=(404,),
        tags=["payments"],
    )
    def get(self, request: Request, out_trade_no: str) -> Response:
        payment = Payment.objects.for_actor(self.actor).filter(out_trade_no=out_trade_no).first()
        if payment is None:
            raise DomainError("payment_unknown", {"number": out_trade_no})
        return Response(PaymentSerializer(payment).data)
