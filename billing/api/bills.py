"""The unpaid bill of a driver: see it, and pay it."""

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.orders import IDEMPOTENCY_KEY
from billing.api.payments import PaymentSerializer, idempotency_key
from billing.services import bills
from users.api.base import DriverView, client_ip, read
from users.api.schema import describe


class UnpaidSerializer(serializers.Serializer):
    order_no = serializers.CharField(source="order.order_no", default=None, allow_null=True)
    station_name = serializers.CharField(source="order.station.name", default=None, allow_null=True)
    started_at = serializers.DateTimeField(source="order.started_at", default=None, allow_null=True)
    total_fen = serializers.IntegerField(source="order.total_fen", default=None, allow_null=True)
    owed_fen = serializers.IntegerField(source="fen")


class BillSerializer(serializers.Serializer):
    owed_fen = serializers.IntegerField(help_text="While this is above 0, no charge can be started.")
    wallet_fen = serializers.IntegerField(help_text="What the wallet could pay of it now.")
    lines = UnpaidSerializer(many=True)


class PayBillSerializer(serializers.Serializer):
    channel = serializers.CharField(
        max_length=16, help_text="`wallet`, `wechat` or `alipay`; see `driver/payment-methods`."
    )
    way = serializers.CharField(max_length=8, required=False, default="", help_text="As for a recharge.")
    openid = serializers.CharField(max_length=128, required=False, default="", help_text="For jsapi.")


class PaidBillSerializer(serializers.Serializer):
    paid_fen = serializers.IntegerField(help_text="Paid from the wallet just now.")
    payment = PaymentSerializer(allow_null=True, help_text="To be paid at the channel; null from the wallet.")
    bill = BillSerializer()


class BillView(DriverView):
    """What I owe."""

    @describe(
        operation_id="bill_get",
        summary="My unpaid bill",
        responses={200: BillSerializer},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        return Response(BillSerializer(bills.open_bill(self.driver)).data)


class BillPayView(DriverView):
    """Pay what I owe."""

    @describe(
        operation_id="bill_pay",
        summary="Pay my bill",
        description=(
            "From the wallet at once, as far as it goes; by a channel a payment of exactly what is owed is opened, and "
            "the bill is paid when the channel proves it."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=PayBillSerializer,
        responses={201: PaidBillSerializer},
        refuses=(400, 402, 409, 503),
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        data = read(PayBillSerializer, request.data)
        paid, payment = 0, None
        if data["channel"] == "wallet":
            paid = bills.pay_from_wallet(actor=self.actor, driver=self.driver)
        else:
            payment = bills.pay_by_channel(
                actor=self.actor,
                driver=self.driver,
                client_ip=client_ip(request),
                idempotency_key=idempotency_key(request),
                **data,
            )
        answer = {"paid_fen": paid, "payment": payment, "bill": bills.open_bill(self.driver)}
        return Response(PaidBillSerializer(answer).data, status=status.HTTP_201_CREATED)
