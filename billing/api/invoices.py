"""A driver's invoices: which orders can have one, asking, watching, taking a request back."""

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.payments import PageQuerySerializer, page_of
from billing.models import ChargingOrder, Invoice, InvoiceLine
from billing.services.invoices import requests
from billing.services.invoices.paid import paid_by_kind
from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.schema import describe

INVOICE_STATES = Invoice.State.values
INVOICE_KINDS = Invoice.Kind.values
BUYER_KINDS = Invoice.Buyer.values


class InvoiceableOrderSerializer(serializers.ModelSerializer):
    operator = serializers.CharField(source="operator.name", read_only=True)
    station = serializers.CharField(source="station.name", read_only=True)
    paid_fen = serializers.SerializerMethodField(help_text="What an invoice over it would be about.")

    class Meta:
        model = ChargingOrder
        fields = ["order_no", "operator", "station", "settled_at", "energy_kwh", "paid_fen"]
        read_only_fields = fields

    def get_paid_fen(self, order: ChargingOrder) -> int:
        return sum(paid_by_kind(order).values())


class InvoiceableOrderPageSerializer(serializers.Serializer):
    results = InvoiceableOrderSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class InvoiceLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = InvoiceLine
        fields = ["name", "tax_code", "rate_bp", "energy_kwh", "gross_fen", "net_fen", "tax_fen"]
        read_only_fields = fields


class InvoiceSerializer(serializers.ModelSerializer):
    """An invoice as its buyer sees it; amounts include tax, `rate_bp` 1300 is 13 %."""

    state = serializers.ChoiceField(choices=INVOICE_STATES, read_only=True)
    state_text = serializers.CharField(source="get_state_display", read_only=True)
    kind = serializers.ChoiceField(choices=INVOICE_KINDS, read_only=True)
    buyer_kind = serializers.ChoiceField(choices=BUYER_KINDS, read_only=True)
    lines = InvoiceLineSerializer(many=True, read_only=True)
    order_nos = serializers.SerializerMethodField()

    class Meta:
        model = Invoice
        fields = [
            "number", "kind", "state", "state_text", "seller_name", "buyer_kind", "buyer_name", "buyer_tax_no", "email",
            "gross_fen", "net_fen", "tax_fen", "requested_at", "decision_reason", "provider_no", "document_url",
            "issued_at", "lines", "order_nos",
        ]  # fmt: skip
        read_only_fields = fields

    def get_order_nos(self, invoice: Invoice) -> list[str]:
        return [one.order.order_no for one in invoice.orders.all()]


class InvoicePageSerializer(serializers.Serializer):
    results = InvoiceSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class InvoiceRequestSerializer(serializers.Serializer):
    order_nos = serializers.ListField(
        child=serializers.CharField(max_length=32), min_length=1, max_length=200
    )
    buyer_kind = serializers.ChoiceField(choices=BUYER_KINDS)
    buyer_name = serializers.CharField(max_length=100)
    buyer_tax_no = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    email = serializers.EmailField(required=False, default="", allow_blank=True)


class InvoiceableView(DriverView):
    """Orders that an invoice can be over."""

    @describe(
        operation_id="invoices_orders",
        summary="Orders that can be invoiced",
        description="Settled, paid by the wallet or the driver's card, and on no invoice; newest first.",
        parameters=[PageQuerySerializer],
        responses={200: InvoiceableOrderPageSerializer},
        refuses=(400,),
        tags=["invoices"],
    )
    def get(self, request: Request) -> Response:
        rows = requests.invoiceable_orders(self.driver)
        return page_of(rows, read(PageQuerySerializer, request.query_params), InvoiceableOrderPageSerializer)


class InvoiceListView(DriverView):
    """My invoices, and asking for some."""

    @describe(
        operation_id="invoices_list",
        summary="My invoices",
        description="Newest first.",
        parameters=[PageQuerySerializer],
        responses={200: InvoicePageSerializer},
        refuses=(400,),
        tags=["invoices"],
    )
    def get(self, request: Request) -> Response:
        rows = Invoice.objects.for_actor(self.actor).prefetch_related("lines", "orders__order")
        return page_of(rows, read(PageQuerySerializer, request.query_params), InvoicePageSerializer)

    @describe(
        operation_id="invoices_create",
        summary="Ask for invoices",
        description=(
            "Over what was paid for settled orders; one invoice per operator. While an order is on an invoice, "
            "nothing of it is given back."
        ),
        request=InvoiceRequestSerializer,
        responses={201: InvoiceSerializer(many=True)},
        refuses=(400, 404, 409),
        tags=["invoices"],
    )
    def post(self, request: Request) -> Response:
        data = read(InvoiceRequestSerializer, request.data)
        buyer = requests.Buyer(data["buyer_kind"], data["buyer_name"], data["buyer_tax_no"], data["email"])
        made = requests.request_invoices(
            actor=self.actor, driver=self.driver, order_nos=data["order_nos"], buyer=buyer
        )
        return Response(InvoiceSerializer(made, many=True).data, status=status.HTTP_201_CREATED)


class _OneInvoice(DriverView):
    def invoice(self, number: str) -> Invoice:
        found = Invoice.objects.for_actor(self.actor).filter(number=number).first()
        if found is None:
            raise DomainError("invoice_unknown", {"number": number})
        return found


class InvoiceView(_OneInvoice):
    """One of my invoices."""

    @describe(
        operation_id="invoices_get",
        summary="One invoice",
        responses={200: InvoiceSerializer},
        refuses=(404,),
        tags=["invoices"],
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(InvoiceSerializer(self.invoice(number)).data)


class InvoiceWithdrawView(_OneInvoice):
    """Take a request back before it is decided."""

    @describe(
        operation_id="invoices_withdraw",
        summary="Withdraw a request for an invoice",
        request=None,
        responses={200: InvoiceSerializer},
        refuses=(404, 409),
        tags=["invoices"],
    )
    def post(self, request: Request, number: str) -> Response:
        invoice = requests.withdraw_invoice(actor=self.actor, invoice=self.invoice(number))
        return Response(InvoiceSerializer(invoice).data)
