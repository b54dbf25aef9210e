"""A connector before the start: may one charge here, and what does it cost."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.serializers import ConnectorSerializer, EstimateSerializer, tariff_view
from billing.pricing import PricingError, TariffSnapshot, estimate
from billing.services import orders
from billing.services.offers import offer_for
from billing.tier_words import tier_word
from kernel import clock
from kernel.errors import DomainError
from stations.models import Connector
from stations.selectors import connector_get
from users.api.base import DriverView, read
from users.api.schema import describe
from users.models import Driver


def snapshot_at(connector: Connector, driver: Driver) -> TariffSnapshot | None:
    """What a driver would be charged by at a connector now; None when no tariff is in force."""
    offer = offer_for(pile=connector.pile, station=connector.station, driver=driver, at=clock.now())
    return None if offer is None else offer.snapshot


class ConnectorView(DriverView):
    """A connector by the code on its sticker."""

    @describe(
        operation_id="connector_get",
        summary="Connector by code",
        description="State, price now, the price of the day, and why one cannot start when one cannot.",
        responses={200: ConnectorSerializer},
        refuses=(404,),
        tags=["charging"],
    )
    def get(self, request: Request, code: str) -> Response:
        connector = connector_get(actor=self.actor, code=code)
        refusal = orders.why_not_startable(connector=connector)
        snapshot = snapshot_at(connector, self.driver)
        zone = ZoneInfo(connector.station.time_zone)
        connector.tariff = None if snapshot is None else tariff_view(snapshot, clock.now().astimezone(zone))
        connector.can_start = refusal is None
        connector.why_not = None if refusal is None else {"code": refusal.code, "detail": refusal.message}
        return Response(ConnectorSerializer(connector).data)


class EstimateQuerySerializer(serializers.Serializer):
    connector_code = serializers.CharField(max_length=36)
    energy_kwh = serializers.DecimalField(
        max_digits=8,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(1000),
        help_text="How much is to be charged.",
    )
    power_kw = serializers.DecimalField(
        max_digits=6,
        decimal_places=1,
        min_value=Decimal(1),
        max_value=Decimal(5000),
        required=False,
        help_text="What the vehicle draws; default is the pile's rated power.",
    )


class EstimateView(DriverView):
    """What charging from now on would cost, by the function that also makes the bill."""

    @describe(
        operation_id="estimate",
        summary="Estimate a charge",
        description="Charging starts now at constant power; the same pricing function makes the bill.",
        parameters=[EstimateQuerySerializer],
        responses={200: EstimateSerializer},
        refuses=(400, 404, 409),
        tags=["charging"],
    )
    def get(self, request: Request) -> Response:
        query = read(EstimateQuerySerializer, request.query_params)
        connector = connector_get(actor=self.actor, code=query["connector_code"])
        snapshot = snapshot_at(connector, self.driver)
        if snapshot is None:
            raise DomainError("no_tariff", {"code": connector.pile.code})
        power_kw = query.get("power_kw") or connector.pile.rated_power_kw
        try:
            bill = estimate(snapshot, start=clock.now(), power_kw=power_kw, energy_kwh=query["energy_kwh"])
        except PricingError:
            raise serializers.ValidationError(
                {"energy_kwh": _("This power cannot deliver so much in reasonable time.")}
            ) from None
        lines = [
            {
                "tier": line.tier,
                "tier_name": tier_word(line.tier),
                "energy_kwh": line.energy_kwh,
                "electricity_price": line.electricity_price,
                "service_price": line.service_price,
                "electricity_fen": line.electricity_fen,
                "service_fen": line.service_fen,
                "total_fen": line.total_fen,
            }
            for line in bill.lines
        ]
        figures = {
            "energy_kwh": bill.energy_kwh,
            "electricity_fen": bill.electricity_fen,
            "service_fen": bill.service_fen,
            "total_fen": bill.total_fen,
            "lines": lines,
        }
        return Response(EstimateSerializer(figures).data)
