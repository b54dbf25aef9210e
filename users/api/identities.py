"""Log-in by WeChat and Alipay, and the apps that a driver has bound."""

from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from users.api import throttles
from users.api.base import DriverView, read
from users.api.schema import describe
from users.api.views import LoginSerializer
from users.models import DriverIdentity
from users.services import identities

PROVIDERS = DriverIdentity.Provider.values


class ProvidersSerializer(serializers.Serializer):
    providers = serializers.ListField(child=serializers.CharField(), help_text="wechat, alipay.")


class AppLoginSerializer(serializers.Serializer):
    provider = serializers.ChoiceField(PROVIDERS)
    code = serializers.CharField(
        max_length=256, help_text="What wx.login or my.getAuthCode gave; works once."
    )
    device = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)


class TicketSerializer(serializers.Serializer):
    ticket = serializers.CharField(help_text="To be sent to login/bind with the proof of a phone number.")
    expires_in_s = serializers.IntegerField()


class BindSerializer(serializers.Serializer):
    ticket = serializers.CharField(max_length=2048)
    phone_code = serializers.CharField(
        max_length=256,
        required=False,
        default="",
        allow_blank=True,
        help_text="WeChat: the code of the button getPhoneNumber. Else phone and code of a text message.",
    )
    phone = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    code = serializers.CharField(max_length=12, required=False, default="", allow_blank=True)
    device = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)


class IdentitySerializer(serializers.ModelSerializer):
    class Meta:
        model = DriverIdentity
        fields = ["provider", "created_at", "last_login_at"]
        read_only_fields = fields


class IdentityCodeSerializer(serializers.Serializer):
    provider = serializers.ChoiceField(PROVIDERS)
    code = serializers.CharField(max_length=256)


class ProvidersView(APIView):
    """Which apps one may log in by."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @describe(
        operation_id="login_providers",
        summary="Apps that I may log in by",
        responses={200: ProvidersSerializer},
        public=True,
        tags=["login"],
    )
    def get(self, request: Request) -> Response:
        return Response(ProvidersSerializer({"providers": identities.offered()}).data)


class AppLoginView(APIView):
    """Exchange an app's code for a token, or for a ticket at the first time."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (throttles.AppLoginThrottle,)

    @describe(
        operation_id="login_app",
        summary="Log in by WeChat or Alipay",
        description=(
            "200 with a token where the account there is bound to a driver; 202 with a ticket where it is not: prove "
            "a phone number with it at login/bind."
        ),
        request=AppLoginSerializer,
        responses={200: LoginSerializer, 202: TicketSerializer},
        refuses=(400, 404, 409, 429, 503),
        public=True,
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        done = identities.log_in(**read(AppLoginSerializer, request.data))
        if done.driver is None:
            ticket = {"ticket": done.ticket, "expires_in_s": identities.TICKET_LIFE_S}
            return Response(TicketSerializer(ticket).data, status=status.HTTP_202_ACCEPTED)
        return Response(LoginSerializer({"token": done.token, "driver": done.driver}).data)


class BindView(APIView):
    """Finish a first log-in with the proof of a phone number."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (throttles.AppLoginThrottle, throttles.LoginPhoneThrottle)

    @describe(
        operation_id="login_bind",
        summary="Bind the app to my phone number",
        description="The number's account is used, a new number becomes a driver; later the app's code is enough.",
        request=BindSerializer,
        responses={200: LoginSerializer},
        refuses=(400, 404, 409, 429, 503),
        public=True,
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        done = identities.bind_first(**read(BindSerializer, request.data))
        return Response(LoginSerializer({"token": done.token, "driver": done.driver}).data)


class IdentityListView(DriverView):
    """The apps that I log in by."""

    @describe(
        operation_id="identities",
        summary="My apps",
        responses={200: IdentitySerializer(many=True)},
        tags=["account"],
    )
    def get(self, request: Request) -> Response:
        return Response(IdentitySerializer(identities.identities_of(self.driver), many=True).data)

    @describe(
        operation_id="identity_bind",
        summary="Bind another app",
        request=IdentityCodeSerializer,
        responses={200: IdentitySerializer},
        refuses=(400, 404, 409, 503),
        tags=["account"],
    )
    def post(self, request: Request) -> Response:
        data = read(IdentityCodeSerializer, request.data)
        row = identities.bind_own(actor=self.actor, driver=self.driver, **data)
        return Response(IdentitySerializer(row).data)


class IdentityView(DriverView):
    """One app that I log in by."""

    @describe(
        operation_id="identity_unbind",
        summary="Take an app off",
        description="Log-in by text message stays; devices that are logged in stay so.",
        responses={204: None},
        refuses=(404,),
        tags=["account"],
    )
    def delete(self, request: Request, provider: str) -> Response:
        identities.unbind(actor=self.actor, driver=self.driver, provider=provider)
        return Response(status=status.HTTP_204_NO_CONTENT)
