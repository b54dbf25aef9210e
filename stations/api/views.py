"""Stations as drivers look for them."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from stations import selectors
from stations.models import Connector
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

CONNECTOR_STATES = Connector.State.values


class StationQuerySerializer(serializers.Serializer):
    lng = serializers.DecimalField(
        max_digits=10,
        decimal_places=6,
        min_value=Decimal(-180),
        max_value=Decimal(180),
        required=False,
        help_text="Longitude, GCJ-02 degrees.",
    )
    lat = serializers.DecimalField(
        max_digits=9,
        decimal_places=6,
        min_value=Decimal(-90),
        max_value=Decimal(90),
        required=False,
        help_text="Latitude, GCJ-02 degrees.",
    )
    radius_km = serializers.DecimalField(
        max_digits=6,
        decimal_places=3,
        min_value=Decimal("0.1"),
        max_value=Decimal(200),
        default=Decimal(10),
        help_text="How far to look, in kilometres.",
    )
    name = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, help_text="Part of the name or address."
    )
    free = serializers.BooleanField(
        required=False, default=False, help_text="Only stations with an idle connector."
    )
    cursor = CursorField(length=2)
    limit = LimitField()

    def validate(self, data: dict) -> dict:
        if ("lng" in data) != ("lat" in data):
            missing = "lat" if "lng" in data else "lng"
            raise serializers.ValidationError({missing: _("Give lng and lat together, or neither.")})
        return data


class StationSerializer(serializers.Serializer):
    code = serializers.CharField(source="station.code")
    name = serializers.CharField(source="station.name")
    address = serializers.CharField(source="station.address")
    longitude = serializers.DecimalField(
        source="station.longitude", max_digits=10, decimal_places=6, allow_null=True
    )
    latitude = serializers.DecimalField(
        source="station.latitude", max_digits=9, decimal_places=6, allow_null=True
    )
    service_phone = serializers.CharField(source="station.service_phone")
    distance_m = serializers.IntegerField(
        allow_null=True, help_text="Great-circle distance in metres; null without lng and lat."
    )
    connectors_total = serializers.IntegerField()
    connectors_idle = serializers.IntegerField()


class StationPageSerializer(serializers.Serializer):
    results = StationSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page; null on the last.")


class StationConnectorSerializer(serializers.Serializer):
    code = serializers.CharField()
    number = serializers.IntegerField()
    pile_code = serializers.CharField(source="pile.code")
    pile_name = serializers.CharField(source="pile.name")
    power_kw = serializers.DecimalField(source="pile.rated_power_kw", max_digits=6, decimal_places=1)
    state = serializers.ChoiceField(choices=CONNECTOR_STATES)
    state_text = serializers.CharField(source="get_state_display")
    in_service = serializers.BooleanField(source="pile.in_service")


class StationDetailSerializer(StationSerializer):
    time_zone = serializers.CharField(source="station.time_zone")
    operator = serializers.CharField(source="station.operator.name")
    connectors = StationConnectorSerializer(many=True)


class StationListView(DriverView):
    """Stations around a place, nearest first."""

    @describe(
        operation_id="stations_near",
        summary="Stations near me",
        description="Nearest first; without `lng` and `lat`, every open station in the order of its id.",
        parameters=[StationQuerySerializer],
        responses={200: StationPageSerializer},
        refuses=(400,),
        tags=["stations"],
    )
    def get(self, request: Request) -> Response:
        query = read(StationQuerySerializer, request.query_params)
        limit = query["limit"]
        rows = selectors.station_list(
            actor=self.actor,
            longitude=query.get("lng"),
            latitude=query.get("lat"),
            radius_km=query["radius_km"],
            name=query["name"],
            free=query["free"],
            after=query.get("cursor"),
            limit=limit + 1,
        )
        page = rows[:limit]
        following = encode_cursor(*page[-1].key) if len(rows) > limit else None
        return Response(StationPageSerializer({"results": page, "next": following}).data)


class StationDetailView(DriverView):
    """One station with its connectors."""

    @describe(
        operation_id="station_get",
        summary="Station by code",
        responses={200: StationDetailSerializer},
        refuses=(404,),
        tags=["stations"],
    )
    def get(self, request: Request, code: str) -> Response:
        station = selectors.station_get(actor=self.actor, code=code)
        connectors = selectors.connectors_of(station)
        idle = [one for one in connectors if one.state == Connector.State.IDLE and one.pile.in_service]
        row = {
            "station": station,
            "distance_m": None,
            "connectors_total": len(connectors),
            "connectors_idle": len(idle),
            "connectors": connectors,
        }
        return Response(StationDetailSerializer(row).data)
