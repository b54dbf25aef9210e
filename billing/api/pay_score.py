"""Charging on pay score: the permission, the start, what became of it; and every method of paying by client."""

from django.conf import settings
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.codes import CodeGuard
from billing.api.orders import IDEMPOTENCY_KEY
from billing.api.payments import idempotency_key
from billing.errors import sentence_of
from billing.models import ScoreOrder, ScorePermission
from billing.payments.channels import pay_score
from billing.payments.merchants import ChannelOff
from billing.payments.methods import CLIENTS, methods_for
from billing.services import ledger, score_orders, score_permissions
from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.schema import describe

PERMISSION_STATES = [*ScorePermission.State.values, "none"]


class ScoreSerializer(serializers.Serializer):
    available = serializers.BooleanField(help_text="Whether the platform offers pay score.")
    permission = serializers.ChoiceField(choices=PERMISSION_STATES, help_text="`open` is needed to start.")
    fund_fen = serializers.IntegerField(help_text="The most one charge may cost.")


class PermissionParamsSerializer(serializers.Serializer):
    """What the app opens in WeChat, where the driver gives the permission."""

    businessType = serializers.CharField()
    apply_permissions_token = serializers.CharField()


class ScoreStartSerializer(serializers.Serializer):
    connector_code = serializers.CharField(max_length=36, help_text="The code on the connector.")
    limit_fen = serializers.IntegerField(
        required=False, default=None, allow_null=True, help_text="At most this much."
    )
    energy_kwh = serializers.DecimalField(
        max_digits=8, decimal_places=4, required=False, help_text="Stop after this much energy."
    )
    seconds = serializers.IntegerField(required=False, help_text="Stop after this time.")
    soc_pct = serializers.IntegerField(required=False, help_text="Stop at this state of charge.")
    package_fen = serializers.IntegerField(
        required=False, help_text="The amount bought ahead, where the tariff sells time in packages."
    )


class ScoreOrderSerializer(serializers.ModelSerializer):
    """A charge on pay score, from the asking to the debit."""

    state = serializers.ChoiceField(choices=ScoreOrder.State.values, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    order_no = serializers.CharField(source="order.order_no", default=None, read_only=True)
    connector_code = serializers.CharField(source="connector.code", read_only=True)
    refusal = serializers.SerializerMethodField(
        help_text="Why it did not start; null when it did or may yet."
    )

    class Meta:
        model = ScoreOrder
        fields = [
            "number", "state", "state_text", "connector_code", "order_no", "fund_fen", "asked_fen", "lowered_fen",
            "refusal", "created_at", "ended_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_refusal(self, row: ScoreOrder) -> str | None:
        return sentence_of(row.refusal) if row.refusal else None


class MethodQuerySerializer(serializers.Serializer):
    client = serializers.CharField(
        max_length=16, help_text="Where the driver is: `" + "`, `".join(CLIENTS) + "`."
    )


class MethodSerializer(serializers.Serializer):
    method = serializers.ChoiceField(choices=["wallet", "pay_score", "channel"])
    channel = serializers.CharField(help_text="`wechat` or `alipay`; empty for the wallet.")
    way = serializers.CharField(help_text="Of the channel; empty otherwise.")
    uses = serializers.ListField(
        child=serializers.ChoiceField(choices=["recharge", "bill", "start", "pay_and_start"])
    )
    needs_openid = serializers.BooleanField()
    ready = serializers.BooleanField(help_text="False: money or the permission is missing.")


def _score_on() -> bool:
    try:
        pay_score()
    except ChannelOff:
        return False
    return True


class MethodListView(DriverView):
    """How I can pay from here."""

    @describe(
        operation_id="payment_methods",
        summary="Payment methods of a client",
        parameters=[MethodQuerySerializer],
        responses={200: MethodSerializer(many=True)},
        refuses=(400,),
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        client = read(MethodQuerySerializer, request.query_params)["client"]
        if client not in CLIENTS:
            params = {"value": client, "accepted": ", ".join(CLIENTS)}
            raise DomainError("choice_invalid", params, field="client")
        permission = score_permissions.permission_of(self.driver)
        rows = methods_for(
            client,
            wallet=ledger.wallet_of(self.driver).available_fen >= max(settings.MINIMUM_START_BALANCE_FEN, 1),
            score_on=_score_on(),
            score_given=permission is not None and permission.state == ScorePermission.State.OPEN,
        )
        return Response(MethodSerializer(list(rows), many=True).data)


class ScoreView(DriverView):
    """Pay score as it stands for me."""

    @describe(
        operation_id="pay_score_get",
        summary="My pay score",
        responses={200: ScoreSerializer},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        return Response(_standing(self))


class ScorePermissionView(DriverView):
    """Give the permission, in WeChat."""

    @describe(
        operation_id="pay_score_permission",
        summary="Ask for the pay-score permission",
        description="The answer is what the app opens in WeChat; the permission counts when WeChat proves it.",
        request=None,
        responses={200: PermissionParamsSerializer},
        refuses=(409, 503),
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        params = score_permissions.ask_permission(actor=self.actor, driver=self.driver)
        return Response(PermissionParamsSerializer(params).data)


class ScoreWithdrawView(DriverView):
    """Withdraw the permission."""

    @describe(
        operation_id="pay_score_withdraw",
        summary="Withdraw the pay-score permission",
        description="A charge that runs is still paid by it.",
        request=None,
        responses={200: ScoreSerializer},
        refuses=(409, 503),
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        score_permissions.withdraw_permission(actor=self.actor, driver=self.driver)
        return Response(_standing(self))


class ScoreStartView(DriverView):
    """Start charging on pay score."""

    @describe(
        operation_id="score_start",
        summary="Start on pay score",
        description=(
            "Opens a service order and starts the charge; nothing is held. At the end WeChat debits the real amount by "
            "itself. A start that is refused cancels the service order and says why in `refusal`; while WeChat does not "
            "answer the state is `created`."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=ScoreStartSerializer,
        responses={201: ScoreOrderSerializer},
        refuses=(400, 402, 403, 404, 409, 429, 503),
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        data = read(ScoreStartSerializer, request.data)
        names = ("energy_kwh", "seconds", "soc_pct", "package_fen")
        with CodeGuard(self.driver):
            row = score_orders.start_by_score(
                actor=self.actor,
                driver=self.driver,
                connector_code=data["connector_code"],
                limit_fen=data["limit_fen"],
                limits={name: data[name] for name in names if name in data},
                idempotency_key=idempotency_key(request),
            )
        return Response(_answer(self, row.number), status=status.HTTP_201_CREATED)


class ScoreOrderView(DriverView):
    """What became of one of my charges on pay score."""

    @describe(
        operation_id="score_order_get",
        summary="One charge on pay score",
        responses={200: ScoreOrderSerializer},
        refuses=(404,),
        tags=["orders"],
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(_answer(self, number))


def _standing(view: DriverView) -> dict:
    permission = score_permissions.permission_of(view.driver)
    row = {
        "available": _score_on(),
        "permission": permission.state if permission is not None else "none",
        "fund_fen": settings.PAYSCORE_FUND_FEN,
    }
    return ScoreSerializer(row).data


def _answer(view: DriverView, number: str) -> dict:
    rows = ScoreOrder.objects.for_actor(view.actor).select_related("order", "connector")
    row = rows.filter(number=number).first()
    if row is None:
        raise DomainError("score_order_unknown", {"number": number})
    return ScoreOrderSerializer(row).data
