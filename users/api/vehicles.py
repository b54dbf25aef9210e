"""My vehicles: add, change, make default, have one verified, remove."""

from rest_framework import serializers, status
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.schema import describe
from users.models import Vehicle
from users.services import vehicles

VEHICLE_KINDS = Vehicle.Kind.values
VEHICLE_STATES = Vehicle.State.values


class VehicleSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    plate = serializers.CharField()
    vin = serializers.CharField()
    kind = serializers.ChoiceField(choices=VEHICLE_KINDS)
    model_name = serializers.CharField()
    state = serializers.ChoiceField(
        choices=VEHICLE_STATES, help_text="Only the VIN of a `verified` vehicle starts a charge."
    )
    review_note = serializers.CharField(help_text="What the reviewer said.")
    is_default = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class VehicleAddSerializer(serializers.Serializer):
    plate = serializers.CharField(
        max_length=20, required=False, default="", allow_blank=True, help_text="Plate or VIN must be given."
    )
    vin = serializers.CharField(
        max_length=24, required=False, default="", allow_blank=True, help_text="17 characters."
    )
    kind = serializers.ChoiceField(choices=VEHICLE_KINDS, required=False, default=Vehicle.Kind.PRIVATE)
    model_name = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)


class VehicleChangeSerializer(serializers.Serializer):
    plate = serializers.CharField(max_length=20, required=False, allow_blank=True)
    vin = serializers.CharField(max_length=24, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=VEHICLE_KINDS, required=False)
    model_name = serializers.CharField(max_length=64, required=False, allow_blank=True)


class LicenceSerializer(serializers.Serializer):
    photo = serializers.FileField(
        required=False, allow_null=True, default=None, help_text="JPEG or PNG of at most 5 MiB."
    )


class OwnVehicleView(DriverView):
    """A view of one of the driver's own vehicles."""

    def vehicle(self, vehicle_id: int) -> Vehicle:
        found = Vehicle.objects.for_actor(self.actor).filter(pk=vehicle_id, driver=self.driver).first()
        if found is None:
            raise DomainError("not_found")
        return found


class VehicleListView(DriverView):
    """My vehicles, and a new one."""

    @describe(
        operation_id="vehicles_list",
        summary="My vehicles",
        description="The default one first.",
        responses={200: VehicleSerializer(many=True)},
        tags=["vehicles"],
    )
    def get(self, request: Request) -> Response:
        rows = Vehicle.objects.for_actor(self.actor).filter(driver=self.driver)
        return Response(VehicleSerializer(rows.order_by("-is_default", "pk")[:100], many=True).data)

    @describe(
        operation_id="vehicles_add",
        summary="Add a vehicle",
        description="My first vehicle becomes the default one.",
        request=VehicleAddSerializer,
        responses={201: VehicleSerializer},
        refuses=(400, 409),
        tags=["vehicles"],
    )
    def post(self, request: Request) -> Response:
        data = read(VehicleAddSerializer, request.data)
        vehicle = vehicles.add_vehicle(actor=self.actor, driver=self.driver, **data)
        return Response(VehicleSerializer(vehicle).data, status=status.HTTP_201_CREATED)


class VehicleView(OwnVehicleView):
    """One of my vehicles."""

    @describe(
        operation_id="vehicles_change",
        summary="Change a vehicle",
        description="Another plate or VIN has to be verified again.",
        request=VehicleChangeSerializer,
        responses={200: VehicleSerializer},
        refuses=(400, 404, 409),
        tags=["vehicles"],
    )
    def patch(self, request: Request, vehicle_id: int) -> Response:
        vehicle = self.vehicle(vehicle_id)
        changes = read(VehicleChangeSerializer, request.data)
        vehicle = vehicles.update_vehicle(actor=self.actor, vehicle=vehicle, changes=changes)
        return Response(VehicleSerializer(vehicle).data)

    @describe(
        operation_id="vehicles_remove",
        summary="Remove a vehicle",
        description="Not while one of its sessions runs. Another vehicle becomes the default one.",
        responses={204: None},
        refuses=(404, 409),
        tags=["vehicles"],
    )
    def delete(self, request: Request, vehicle_id: int) -> Response:
        vehicles.remove_vehicle(actor=self.actor, vehicle=self.vehicle(vehicle_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class VehicleDefaultView(OwnVehicleView):
    """Make one of my vehicles the default one."""

    @describe(
        operation_id="vehicles_default",
        summary="Make it the default vehicle",
        request=None,
        responses={200: VehicleSerializer},
        refuses=(404,),
        tags=["vehicles"],
    )
    def post(self, request: Request, vehicle_id: int) -> Response:
        vehicle = vehicles.make_default(actor=self.actor, vehicle=self.vehicle(vehicle_id))
        return Response(VehicleSerializer(vehicle).data)


class VehicleVerificationView(OwnVehicleView):
    """Have one of my vehicles verified."""

    parser_classes = (MultiPartParser, FormParser)

    @describe(
        operation_id="vehicles_verify",
        summary="Ask for verification",
        description="With a photo of the vehicle licence; a person looks at it.",
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"photo": {"type": "string", "format": "binary"}},
            }
        },
        responses={202: VehicleSerializer},
        refuses=(400, 404, 409),
        tags=["vehicles"],
    )
    def post(self, request: Request, vehicle_id: int) -> Response:
        vehicle = self.vehicle(vehicle_id)
        photo = read(LicenceSerializer, request.data)["photo"]
        vehicle = vehicles.ask_verification(actor=self.actor, vehicle=vehicle, photo=photo)
        return Response(VehicleSerializer(vehicle).data, status=status.HTTP_202_ACCEPTED)
