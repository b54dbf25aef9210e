"""A connector before the start: may one charge here, and what does it cost."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.codes import CodeGuard
from billing.api.serializers import EstimateSerializer, estimate_view
from billing.api.tariff_serializers import ConnectorSerializer, tariff_view
from billing.pricing import PricingError, TariffSnapshot, charge, foreseen
from billing.pricing.components import PackageFee
from billing.services import orders
from billing.services.offers import offer_for
from billing.services.tariffs import invalid
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
        refuses=(404, 429),
        tags=["charging"],
    )
    def get(self, request: Request, code: str) -> Response:
        with CodeGuard(self.driver):
            connector = connector_get(actor=self.actor, code=code)
        refusal = orders.why_not_startable(connector=connector, driver=self.driver)
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
        required=False,
        help_text="How much is to be charged; or give `minutes`.",
    )
    minutes = serializers.IntegerField(
        min_value=1, max_value=7 * 24 * 60, required=False, help_text="How long is to be charged."
    )
    package_fen = serializers.IntegerField(
        min_value=1, required=False, help_text="Time bought ahead, where the tariff sells packages."
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
        description=(
            "Charging starts now at constant power; the same pricing function makes the bill. Give exactly one of "
            "`energy_kwh`, `minutes` and `package_fen` (its whole time)."
        ),
        parameters=[EstimateQuerySerializer],
        responses={200: EstimateSerializer},
        refuses=(400, 404, 409, 429),
        tags=["charging"],
    )
    def get(self, request: Request) -> Response:
        query = read(EstimateQuerySerializer, request.query_params)
        with CodeGuard(self.driver):
            connector = connector_get(actor=self.actor, code=query["connector_code"])
        snapshot = snapshot_at(connector, self.driver)
        if snapshot is None:
            raise DomainError("no_tariff", {"code": connector.pile.code})
        power_kw = query.get("power_kw") or connector.pile.rated_power_kw
        wanted = [name for name in ("energy_kwh", "minutes", "package_fen") if name in query]
        if len(wanted) != 1:
            raise serializers.ValidationError(
                {"energy_kwh": _("Give exactly one of energy_kwh, minutes and package_fen.")}
            )
        package_fen, minutes = query.get("package_fen"), query.get("minutes")
        duration = None if minutes is None else timedelta(minutes=minutes)
        if package_fen is not None:
            package = snapshot.component(PackageFee.kind)
            if not isinstance(package, PackageFee):
                raise DomainError(
                    "package_invalid", {"fen": package_fen, "accepted": "–"}, field="package_fen"
                )
            try:
                duration = timedelta(seconds=package.seconds_of(package_fen))
            except PricingError as error:
                raise invalid(error, "package_invalid") from None
        try:
            usage = foreseen(
                snapshot,
                start=clock.now(),
                power_kw=power_kw,
                duration=duration,
                energy_kwh=query.get("energy_kwh"),
                package_fen=package_fen,
            )
            bill = charge(snapshot, usage)
        except PricingError:
            raise serializers.ValidationError(
                {"energy_kwh": _("This power cannot deliver so much in reasonable time.")}
            ) from None
        seconds = round((usage.ended_at - usage.started_at).total_seconds())
        return Response(EstimateSerializer(estimate_view(snapshot, bill, seconds)).data)
