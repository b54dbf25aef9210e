"""What the driver API says of orders and their bills. Amounts are integer fen, quantities exact text."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.api.tariff_serializers import EnergyField, FurtherFeeSerializer, PriceField
from billing.bill_words import component_rows, discount_rows, fee_rows
from billing.fee_words import fee_word
from billing.models import ChargingOrder, OrderFee
from billing.order_money import STATES, money_of
from billing.pricing import Bill, TariffSnapshot
from billing.services import deadlines, extensions
from billing.services import fees as fee_services
from billing.tier_words import tier_word
from devices.words import stop_reason_text
from kernel import clock

ORDER_STATES = ChargingOrder.State.values


class StartSerializer(serializers.Serializer):
    connector_code = serializers.CharField(max_length=36, help_text="The code on the connector's QR sticker.")
    limit_fen = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=10_000_000,
        default=None,
        help_text="Hold and charge at most this much.",
    )

    energy_kwh = serializers.DecimalField(
        max_digits=8,
        decimal_places=4,
        required=False,
        allow_null=True,
        default=None,
        help_text="Stop after so much.",
    )
    seconds = serializers.IntegerField(
        required=False, allow_null=True, default=None, help_text="Stop after so long."
    )
    soc_pct = serializers.IntegerField(
        required=False, allow_null=True, default=None, help_text="Stop when the battery is so full."
    )
    power_kw = serializers.DecimalField(
        max_digits=6,
        decimal_places=1,
        required=False,
        allow_null=True,
        default=None,
        help_text="Draw at most so much.",
    )
    package_fen = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The amount bought ahead, where the tariff sells time in packages.",
    )
    coupon = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=16,
        help_text="The number of one of my coupons, to be used on this order.",
    )
    enterprise = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The `id` of an enterprise that pays for me; null: my wallet pays.",
    )
    card_no = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=24,
        help_text="The number of one of my cards, whose account pays; it may also end the session at the pile.",
    )


class ExtendSerializer(serializers.Serializer):
    amount_fen = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=10_000_000,
        default=None,
        help_text="Hold and use up to so much more; of a package its own price when left out.",
    )
    package_fen = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The package to add, where the tariff sells time in packages.",
    )
    seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=7 * 86_400, default=None,
        help_text="Add so long to the limit of time, if the order has one.",
    )  # fmt: skip
    energy_kwh = serializers.DecimalField(
        max_digits=8, decimal_places=4, min_value=Decimal("0.0001"), required=False, allow_null=True, default=None,
        help_text="Add so much to the limit of energy, if the order has one.",
    )  # fmt: skip


class FeeLineSerializer(serializers.Serializer):
    kind = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField(help_text="How it came about.")
    fen = serializers.IntegerField()
    of_service = serializers.BooleanField(help_text="True: part of `service_fen`, not of `fees_fen`.")


class DiscountLineSerializer(serializers.Serializer):
    name = serializers.CharField()
    text = serializers.CharField(help_text="On which fees.")
    fen = serializers.IntegerField(help_text="What it takes off.")


class LaterFeeSerializer(serializers.Serializer):
    """A fee beside the charge, with a settlement of its own."""

    kind = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    state_text = serializers.CharField()
    fen = serializers.IntegerField(help_text="So far, while it runs.")
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class BillLineSerializer(serializers.Serializer):
    tier = serializers.CharField()
    tier_name = serializers.CharField()
    energy_kwh = EnergyField()
    electricity_price = PriceField()
    service_price = PriceField()
    electricity_fen = serializers.IntegerField()
    service_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()


class OrderSerializer(serializers.ModelSerializer):
    """An order as its driver sees it; the figures are live while it runs."""

    state = serializers.ChoiceField(choices=ORDER_STATES, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    connector_code = serializers.CharField(source="connector.code", read_only=True)
    pile_code = serializers.CharField(source="pile.code", read_only=True)
    station_code = serializers.CharField(source="station.code", read_only=True)
    station_name = serializers.CharField(source="station.name", read_only=True)
    energy_kwh = EnergyField(read_only=True)
    power_kw = serializers.DecimalField(max_digits=8, decimal_places=3, read_only=True, allow_null=True)
    minutes = serializers.SerializerMethodField(help_text="Whole minutes of charging so far.")
    limit_fen = serializers.IntegerField(
        source="stop_at_fen",
        read_only=True,
        allow_null=True,
        help_text="Charging stops before this is used up.",
    )
    stop_reason_text = serializers.SerializerMethodField(
        help_text="`stop_reason` in the reader's language; empty before the end."
    )
    bill = serializers.SerializerMethodField(help_text="Lines of the bill once settled; null before.")
    fees = serializers.SerializerMethodField(help_text="Further lines of the bill once settled.")
    discounts = serializers.SerializerMethodField(help_text="Discounts of the bill once settled.")
    later_fees = serializers.SerializerMethodField(help_text="Occupancy, parking, reservation.")
    bought_fen = serializers.SerializerMethodField(help_text="All packages of this order; null without.")
    remaining_s = serializers.SerializerMethodField(
        help_text="Seconds left of the time or of the money at the power now; null when neither is limited."
    )
    paused = serializers.SerializerMethodField(
        help_text="Why the port stands still, in words; empty: it charges."
    )

    class Meta:
        model = ChargingOrder
        fields = [
            "order_no",
            "state",
            "state_text",
            "connector_code",
            "pile_code",
            "station_code",
            "station_name",
            "created_at",
            "started_at",
            "ended_at",
            "settled_at",
            "minutes",
            "energy_kwh",
            "power_kw",
            "soc_pct",
            "last_sample_at",
            "electricity_fen",
            "service_fen",
            "fees_fen",
            "discount_fen",
            "total_fen",
            "limit_fen",
            "targets",
            "package_fen",
            "bought_fen",
            "remaining_s",
            "paused",
            "stop_reason",
            "stop_reason_text",
            "bill",
            "fees",
            "discounts",
            "later_fees",
        ]
        read_only_fields = fields

    def get_minutes(self, order: ChargingOrder) -> int:
        return minutes_of(order, clock.now())

    def get_bought_fen(self, order: ChargingOrder) -> int | None:
        return None if order.package_fen is None else order.package_fen + sum(order.further_packages)

    def get_remaining_s(self, order: ChargingOrder) -> int | None:
        return extensions.remaining_s(order, clock.now())

    def get_paused(self, order: ChargingOrder) -> str:
        still = deadlines.open_pause(order) if order.is_open else None
        return "" if still is None else stop_reason_text(order.pile.protocol, still[1]) or still[1]

    def get_stop_reason_text(self, order: ChargingOrder) -> str:
        return stop_reason_text(order.pile.protocol, order.stop_reason)

    @extend_schema_field(BillLineSerializer(many=True, allow_null=True))
    def get_bill(self, order: ChargingOrder) -> list[dict[str, Any]] | None:
        if order.state != ChargingOrder.State.SETTLED or order.bill is None:
            return None
        return BillLineSerializer(line_rows(order.bill), many=True).data

    @extend_schema_field(FeeLineSerializer(many=True))
    def get_fees(self, order: ChargingOrder) -> list[dict[str, Any]]:
        return FeeLineSerializer(fee_rows(_settled_bill(order)), many=True).data

    @extend_schema_field(DiscountLineSerializer(many=True))
    def get_discounts(self, order: ChargingOrder) -> list[dict[str, Any]]:
        return DiscountLineSerializer(discount_rows(_settled_bill(order)), many=True).data

    @extend_schema_field(LaterFeeSerializer(many=True))
    def get_later_fees(self, order: ChargingOrder) -> list[dict[str, Any]]:
        rows = [
            {
                "kind": fee.kind,
                "name": fee_word(fee.kind),
                "state": fee.state,
                "state_text": fee.get_state_display(),
                "fen": fee_services.so_far(fee).fen
                if fee.state == OrderFee.State.RUNNING
                else fee.amount_fen,
                "began_at": fee.began_at,
                "ended_at": fee.ended_at,
            }
            for fee in order.fees.all()
        ]
        return LaterFeeSerializer(rows, many=True).data


class OrderDetailSerializer(OrderSerializer):
    """One order, with what of it is paid."""

    payment_state = serializers.SerializerMethodField()
    payment_text = serializers.SerializerMethodField()
    charged_fen = serializers.SerializerMethodField(help_text="With fees after the charge.")
    owed_fen = serializers.SerializerMethodField(help_text="Of this order, not paid yet.")
    returned_fen = serializers.SerializerMethodField(help_text="Given back of this order.")

    class Meta(OrderSerializer.Meta):
        fields = [
            *OrderSerializer.Meta.fields,
            "payment_state",
            "payment_text",
            "charged_fen",
            "owed_fen",
            "returned_fen",
        ]
        read_only_fields = fields

    def to_representation(self, order: ChargingOrder) -> dict[str, Any]:
        self.money = money_of(order)
        return super().to_representation(order)

    @extend_schema_field(serializers.ChoiceField(choices=list(STATES)))
    def get_payment_state(self, order: ChargingOrder) -> str:
        return self.money.state

    def get_payment_text(self, order: ChargingOrder) -> str:
        return self.money.text

    def get_charged_fen(self, order: ChargingOrder) -> int:
        return self.money.charged_fen

    def get_owed_fen(self, order: ChargingOrder) -> int:
        return self.money.owed_fen

    def get_returned_fen(self, order: ChargingOrder) -> int:
        return self.money.returned_fen


class OrderPageSerializer(serializers.Serializer):
    results = OrderSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class EstimateSerializer(serializers.Serializer):
    """What a charge would cost, line by line, and what may come after it."""

    energy_kwh = EnergyField()
    seconds = serializers.IntegerField(help_text="How long it would take.")
    electricity_fen = serializers.IntegerField()
    service_fen = serializers.IntegerField()
    fees_fen = serializers.IntegerField()
    discount_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()
    lines = BillLineSerializer(many=True)
    fees = FeeLineSerializer(many=True)
    discounts = DiscountLineSerializer(many=True)
    further_fees = FurtherFeeSerializer(many=True, help_text="The rules of the tariff beside the energy.")


def minutes_of(order: ChargingOrder, now: datetime) -> int:
    """Whole minutes from the start of charging to its end, or to now."""
    if order.started_at is None:
        return 0
    return max(0, int(((order.ended_at or now) - order.started_at).total_seconds() // 60))


def _settled_bill(order: ChargingOrder) -> dict[str, Any] | None:
    return order.bill if order.state == ChargingOrder.State.SETTLED else None


def line_rows(bill: dict[str, Any]) -> list[dict[str, Any]]:
    """The tiers of a bill's JSON as `BillLineSerializer` tells them."""
    return [
        {
            **line,
            "energy_kwh": Decimal(line["energy_kwh"]),
            "electricity_price": Decimal(line["electricity_price"]),
            "service_price": Decimal(line["service_price"]),
            "tier_name": tier_word(line["tier"]),
            "total_fen": line["electricity_fen"] + line["service_fen"],
        }
        for line in bill["lines"]
    ]


def estimate_view(snapshot: TariffSnapshot, bill: Bill, seconds: int) -> dict[str, Any]:
    """A bill that is only foreseen, as `EstimateSerializer` tells it."""
    data = bill.to_json()
    return {
        "energy_kwh": bill.energy_kwh,
        "seconds": seconds,
        "electricity_fen": bill.electricity_fen,
        "service_fen": bill.service_fen,
        "fees_fen": bill.fees_fen,
        "discount_fen": bill.discount_fen,
        "total_fen": bill.total_fen,
        "lines": line_rows(data),
        "fees": fee_rows(data),
        "discounts": discount_rows(data),
        "further_fees": component_rows(snapshot.components),
    }
