"""My bookings: keep a connector for a while, look, give it up."""

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import Booking
from billing.services import bookings
from kernel.errors import DomainError
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe

BOOKING_STATES = Booking.State.values


class BookingSerializer(serializers.Serializer):
    booking_no = serializers.CharField()
    state = serializers.ChoiceField(
        choices=BOOKING_STATES, help_text="`asked` until the pile has answered, where it keeps bookings."
    )
    state_text = serializers.CharField(source="get_state_display")
    connector_code = serializers.CharField(source="connector.code")
    station_code = serializers.CharField(source="station.code")
    station_name = serializers.CharField(source="station.name")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="Until when the connector is kept.")
    ended_at = serializers.DateTimeField(allow_null=True)
    amount_fen = serializers.IntegerField(help_text="What it cost; 0 while it is open.")
    waived = serializers.SerializerMethodField(help_text="Whether that went back to the wallet afterwards.")
    order_no = serializers.CharField(source="order.order_no", allow_null=True, default=None)

    def get_waived(self, booking: Booking) -> bool:
        return booking.waiver_id is not None


class BookingPageSerializer(serializers.Serializer):
    results = BookingSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class BookingAskSerializer(serializers.Serializer):
    connector_code = serializers.CharField(max_length=36)
    minutes = serializers.IntegerField(
        min_value=bookings.SHORTEST_MINUTES, max_value=bookings.LONGEST_MINUTES, help_text="From now on."
    )


class BookingQuerySerializer(serializers.Serializer):
    cursor = CursorField(length=1)
    limit = LimitField()


class OwnBookingView(DriverView):
    """A view of the driver's own bookings."""

    def rows(self):
        rows = Booking.objects.for_actor(self.actor).filter(driver=self.driver)
        return rows.select_related("connector", "station", "order")

    def answer(self, booking_no: str, code: int = status.HTTP_200_OK) -> Response:
        found = self.rows().filter(booking_no=booking_no).first()
        if found is None:
            raise DomainError("booking_unknown", {"number": booking_no[:20]})
        return Response(BookingSerializer(found).data, status=code)


class BookingListView(OwnBookingView):
    """My bookings, and a new one."""

    @describe(
        operation_id="bookings_list",
        summary="My bookings",
        description="Newest first.",
        parameters=[BookingQuerySerializer],
        responses={200: BookingPageSerializer},
        refuses=(400,),
        tags=["bookings"],
    )
    def get(self, request: Request) -> Response:
        query = read(BookingQuerySerializer, request.query_params)
        rows = self.rows()
        if "cursor" in query:
            rows = rows.filter(pk__lt=query["cursor"][0])
        limit = query["limit"]
        found = list(rows.order_by("-pk")[: limit + 1])
        page = found[:limit]
        following = encode_cursor(page[-1].pk) if len(found) > limit else None
        return Response(BookingPageSerializer({"results": page, "next": following}).data)

    @describe(
        operation_id="bookings_make",
        summary="Book a connector",
        description=(
            "An idle connector is kept for me; nobody else starts there. The tariff may ask a fee for the time, and "
            "more when I do not come; it is told with the connector under `further_fees`."
        ),
        request=BookingAskSerializer,
        responses={201: BookingSerializer},
        refuses=(400, 402, 403, 404, 409),
        tags=["bookings"],
    )
    def post(self, request: Request) -> Response:
        data = read(BookingAskSerializer, request.data)
        booking = bookings.book(actor=self.actor, driver=self.driver, **data)
        return self.answer(booking.booking_no, status.HTTP_201_CREATED)


class BookingView(OwnBookingView):
    """One of my bookings."""

    @describe(
        operation_id="bookings_get",
        summary="One booking",
        responses={200: BookingSerializer},
        refuses=(404,),
        tags=["bookings"],
    )
    def get(self, request: Request, booking_no: str) -> Response:
        return self.answer(booking_no)


class BookingCancelView(OwnBookingView):
    """Give one of my bookings up."""

    @describe(
        operation_id="bookings_cancel",
        summary="Cancel a booking",
        description="The time until now is paid by the rule that was told.",
        request=None,
        responses={200: BookingSerializer},
        refuses=(404, 409),
        tags=["bookings"],
    )
    def post(self, request: Request, booking_no: str) -> Response:
        bookings.cancel(actor=self.actor, booking_no=booking_no)
        return self.answer(booking_no)
