"""Pay and start in one step: open the payment that starts a charge, and watch what became of it."""

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.codes import CodeGuard
from billing.api.orders import IDEMPOTENCY_KEY
from billing.api.payments import PaymentSerializer, RechargeSerializer, idempotency_key
from billing.errors import sentence_of
from billing.models import PaidStart
from billing.services import paid_starts
from kernel.errors import DomainError
from users.api.base import DriverView, client_ip, read
from users.api.schema import describe

PAID_START_STATES = PaidStart.State.values


class PaidStartAskSerializer(RechargeSerializer):
    connector_code = serializers.CharField(max_length=32, help_text="The code on the connector.")
    energy_kwh = serializers.DecimalField(
        max_digits=8, decimal_places=4, required=False, help_text="Stop after this much energy."
    )
    seconds = serializers.IntegerField(required=False, help_text="Stop after this time.")
    soc_pct = serializers.IntegerField(required=False, help_text="Stop at this state of charge.")
    package_fen = serializers.IntegerField(
        required=False, help_text="The amount bought ahead, where the tariff sells time in packages."
    )


class PaidStartSerializer(serializers.ModelSerializer):
    """What became of a payment that is for a charge."""

    state = serializers.ChoiceField(choices=PAID_START_STATES, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    payment = PaymentSerializer(read_only=True)
    order_no = serializers.CharField(source="order.order_no", default=None, read_only=True)
    refund_no = serializers.CharField(source="refund.refund_no", default=None, read_only=True)
    connector_code = serializers.CharField(source="connector.code", read_only=True)
    refusal = serializers.SerializerMethodField(
        help_text="Why it did not start; null when it did or may yet."
    )

    class Meta:
        model = PaidStart
        fields = [
            "state", "state_text", "connector_code", "payment", "order_no", "refund_no", "refusal", "created_at",
            "ended_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_refusal(self, start: PaidStart) -> str | None:
        return sentence_of(start.refusal) if start.refusal else None


def _answer(start: PaidStart) -> dict:
    rows = PaidStart.objects.unscoped("found in scope before")
    rows = rows.select_related("payment", "order", "refund", "connector")
    return PaidStartSerializer(rows.get(pk=start.pk)).data


class PayAndStartView(DriverView):
    """Pay and start in one step."""

    @describe(
        operation_id="pay_and_start",
        summary="Pay and start",
        description=(
            "Opens a payment at the channel; the charge starts by itself when the channel proves that it was paid. "
            "A start that is refused, and what the charge does not use, goes back to where the money came from."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=PaidStartAskSerializer,
        responses={201: PaidStartSerializer},
        refuses=(400, 402, 403, 404, 409, 429, 503),
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        data = read(PaidStartAskSerializer, request.data)
        names = ("energy_kwh", "seconds", "soc_pct", "package_fen")
        limits = {name: data.pop(name) for name in names if name in data}
        with CodeGuard(self.driver):
            start = paid_starts.pay_and_start(
                actor=self.actor,
                driver=self.driver,
                limits=limits,
                client_ip=client_ip(request),
                idempotency_key=idempotency_key(request),
                **data,
            )
        return Response(_answer(start), status=status.HTTP_201_CREATED)


class PaidStartView(DriverView):
    """What became of one of my paid starts."""

    @describe(
        operation_id="paid_start_get",
        summary="One paid start",
        responses={200: PaidStartSerializer},
        refuses=(404,),
        tags=["orders"],
    )
    def get(self, request: Request, out_trade_no: str) -> Response:
        start = PaidStart.objects.for_actor(self.actor).filter(payment__out_trade_no=out_trade_no).first()
        if start is None:
            raise DomainError("payment_unknown", {"number": out_trade_no})
        return Response(_answer(start))
