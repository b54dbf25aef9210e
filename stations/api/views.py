"""Stations as drivers look for them."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from stations import selectors
from stations.models import Connector, PileModel
from stations.models.station import Amenity
from stations.services import favourites
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

CONNECTOR_STATES = Connector.State.values


class PlaceQuerySerializer(serializers.Serializer):
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
    standard = serializers.ChoiceField(
        choices=PileModel.ConnectorStandard.choices,
        required=False,
        default="",
        allow_blank=True,
        help_text="Only stations with connectors of this standard.",
    )


class StationQuerySerializer(PlaceQuerySerializer):
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


class AmenitySerializer(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()


@extend_schema_field(AmenitySerializer(many=True))
class AmenitiesField(serializers.Field):
    """What a station offers, each as its code and its words."""

    def __init__(self, **kwargs):
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: list[str]) -> list[dict[str, str]]:
        return [{"code": one, "text": str(Amenity(one).label)} for one in value if one in Amenity.values]


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
    scene = serializers.CharField(source="station.scene")
    scene_text = serializers.CharField(source="station.get_scene_display")
    amenities = AmenitiesField(source="station.amenities")
    surroundings = serializers.CharField(source="station.surroundings")
    opening_hours = serializers.CharField(source="station.opening_hours", help_text="Empty is day and night.")
    parking_note = serializers.CharField(source="station.parking_note")


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
    standard = serializers.CharField(
        source="pile.model.connector_standard", default="", help_text="Empty when it is not on file."
    )
    standard_text = serializers.CharField(source="pile.model.get_connector_standard_display", default="")
    current_type = serializers.CharField(source="pile.current_type", help_text="`ac` or `dc`.")


class RecommendQuerySerializer(PlaceQuerySerializer):
    limit = serializers.IntegerField(required=False, min_value=1, max_value=50, default=10)

    def validate(self, data: dict) -> dict:
        for name in ("lng", "lat"):
            if name not in data:
                raise serializers.ValidationError({name: _("Give lng and lat together.")})
        return data


class RecommendationSerializer(serializers.Serializer):
    station = StationSerializer(source="row")
    connector = StationConnectorSerializer()


class RecommendationListSerializer(serializers.Serializer):
    results = RecommendationSerializer(many=True)


class FavouriteListSerializer(serializers.Serializer):
    results = StationSerializer(many=True)


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
            standard=query["standard"],
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


class RecommendedView(DriverView):
    """Where to charge now."""

    @describe(
        operation_id="stations_recommended",
        summary="Idle connectors to drive to",
        description="One idle connector per station, nearest first; a station with more free ones may come before a "
        "nearer one (150 m each). Offline, faulty, occupied and closed ones are left out.",
        parameters=[RecommendQuerySerializer],
        responses={200: RecommendationListSerializer},
        refuses=(400,),
        tags=["stations"],
    )
    def get(self, request: Request) -> Response:
        query = read(RecommendQuerySerializer, request.query_params)
        found = selectors.recommended(
            actor=self.actor,
            longitude=query["lng"],
            latitude=query["lat"],
            radius_km=query["radius_km"],
            standard=query["standard"],
            limit=query["limit"],
        )
        return Response(RecommendationListSerializer({"results": found}).data)


class FavouriteListView(DriverView):
    """The driver's own stations."""

    @describe(
        operation_id="favourites",
        summary="My stations",
        description="The last kept first; stations that are closed are not shown.",
        responses={200: FavouriteListSerializer},
        tags=["stations"],
    )
    def get(self, request: Request) -> Response:
        rows = selectors.favourites(actor=self.actor, driver_id=self.driver.pk)
        return Response(FavouriteListSerializer({"results": rows}).data)


class FavouriteView(DriverView):
    """Keep a station, or let it go."""

    @describe(
        operation_id="favourite_keep",
        summary="Keep a station",
        description="Again and again is the same as once.",
        request=None,
        responses={204: None},
        refuses=(404, 409),
        tags=["stations"],
    )
    def put(self, request: Request, code: str) -> Response:
        favourites.keep(actor=self.actor, driver=self.driver, code=code)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @describe(
        operation_id="favourite_drop",
        summary="Let a station go",
        responses={204: None},
        tags=["stations"],
    )
    def delete(self, request: Request, code: str) -> Response:
        favourites.drop(driver=self.driver, code=code)
        return Response(status=status.HTTP_204_NO_CONTENT)
