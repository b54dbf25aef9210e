"""Getting money back to where it came from."""

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.orders import IDEMPOTENCY_KEY
from billing.api.payments import PageQuerySerializer, idempotency_key, page_of
from billing.models import Refund, RefundPart
from billing.services import refunds
from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.schema import describe

REFUND_STATES = Refund.State.values
PART_STATES = RefundPart.State.values


class RefundPartSerializer(serializers.ModelSerializer):
    out_trade_no = serializers.CharField(source="payment.out_trade_no", read_only=True)
    channel = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=PART_STATES, read_only=True)

    class Meta:
        model = RefundPart
        fields = ["out_trade_no", "channel", "amount_fen", "state", "finished_at"]
        read_only_fields = fields


class RefundSerializer(serializers.ModelSerializer):
    """A refund as its driver sees it."""

    state = serializers.ChoiceField(choices=REFUND_STATES, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    parts = RefundPartSerializer(many=True, read_only=True)

    class Meta:
        model = Refund
        fields = [
            "refund_no", "amount_fen", "refunded_fen", "state", "state_text", "reason", "requested_at",
            "decided_at", "decision_reason", "finished_at", "parts",
        ]  # fmt: skip
        read_only_fields = fields


class RefundPageSerializer(serializers.Serializer):
    results = RefundSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class RefundRequestSerializer(serializers.Serializer):
    amount_fen = serializers.IntegerField(min_value=1, max_value=10_000_000)
    reason = serializers.CharField(max_length=255, required=False, default="", allow_blank=True)


class RefundableSerializer(serializers.Serializer):
    refundable_fen = serializers.IntegerField(help_text="What can go back to its origin now.")


class RefundListView(DriverView):
    """My refunds, and asking for one."""

    @describe(
        operation_id="refunds_list",
        summary="My refunds",
        description="Newest first.",
        parameters=[PageQuerySerializer],
        responses={200: RefundPageSerializer},
        refuses=(400,),
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        rows = Refund.objects.for_actor(self.actor).prefetch_related("parts__payment")
        return page_of(rows, read(PageQuerySerializer, request.query_params), RefundPageSerializer)

    @describe(
        operation_id="refunds_create",
        summary="Ask for a refund",
        description="The amount leaves the wallet at once and goes back to the recharges after approval.",
        parameters=[IDEMPOTENCY_KEY],
        request=RefundRequestSerializer,
        responses={201: RefundSerializer},
        refuses=(400, 409),
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        data = read(RefundRequestSerializer, request.data)
        refund = refunds.request_refund(
            actor=self.actor, driver=self.driver, idempotency_key=idempotency_key(request), **data
        )
        return Response(RefundSerializer(refund).data, status=status.HTTP_201_CREATED)


class RefundableView(DriverView):
    """How much can be refunded."""

    @describe(
        operation_id="refunds_possible",
        summary="How much can be refunded",
        responses={200: RefundableSerializer},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        figures = {"refundable_fen": refunds.refundable_fen(driver=self.driver)}
        return Response(RefundableSerializer(figures).data)


class _OneRefund(DriverView):
    def refund(self, refund_no: str) -> Refund:
        found = Refund.objects.for_actor(self.actor).filter(refund_no=refund_no).first()
        if found is None:
            raise DomainError("refund_unknown", {"number": refund_no})
        return found


class RefundView(_OneRefund):
    """One of my refunds."""

    @describe(
        operation_id="refunds_get",
        summary="One refund",
        responses={200: RefundSerializer},
        refuses=(404,),
        tags=["payments"],
    )
    def get(self, request: Request, refund_no: str) -> Response:
        return Response(RefundSerializer(self.refund(refund_no)).data)


class RefundWithdrawView(_OneRefund):
    """Take a refund back before it is decided."""

    @describe(
        operation_id="refunds_withdraw",
        summary="Withdraw a refund",
        description="Only while it waits for approval; the money is back on the wallet at once.",
        request=None,
        responses={200: RefundSerializer},
        refuses=(404, 409),
        tags=["payments"],
    )
    def post(self, request: Request, refund_no: str) -> Response:
        refund = refunds.withdraw_refund(actor=self.actor, refund=self.refund(refund_no))
        return Response(RefundSerializer(refund).data)
