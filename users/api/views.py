"""Login, logout and the driver's own account."""

from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from users.api import throttles
from users.api.base import DriverView, client_ip, read
from users.api.schema import describe
from users.models import Driver
from users.services import drivers, login, tokens


class LoginCodeSerializer(serializers.Serializer):
    phone = serializers.CharField(max_length=20, help_text="Mainland mobile number, 11 digits.")


class LoginCodeSentSerializer(serializers.Serializer):
    expires_in_s = serializers.IntegerField(help_text="Life of the code in seconds.")
    retry_after_s = serializers.IntegerField(help_text="Pause before the next code in seconds.")


class LoginVerifySerializer(serializers.Serializer):
    phone = serializers.CharField(max_length=20, help_text="Mainland mobile number, 11 digits.")
    code = serializers.CharField(max_length=12, help_text="The six digits of the message.")
    device = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, help_text="Name of the app or phone."
    )


class MeSerializer(serializers.ModelSerializer):
    class Meta:
        model = Driver
        fields = ["phone", "name", "is_frozen", "created_at"]
        read_only_fields = fields


class MeChangeSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=64, allow_blank=True)


class CancelSerializer(serializers.Serializer):
    phone = serializers.CharField(max_length=20, help_text="My own number once more: this cannot be undone.")
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class LoginSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="Bearer token; it is shown this once.")
    driver = MeSerializer()


class LoginCodeView(APIView):
    """Ask for a login code by text message."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (throttles.LoginCodePhoneThrottle, throttles.LoginCodeAddressThrottle)

    @describe(
        operation_id="login_code",
        summary="Ask for a login code",
        description="Sends six digits to the phone. The answer is the same for known and unknown phones.",
        request=LoginCodeSerializer,
        responses={202: LoginCodeSentSerializer},
        refuses=(400, 429, 503),
        public=True,
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        data = read(LoginCodeSerializer, request.data)
        login.request_code(phone=data["phone"], ip=client_ip(request))
        seconds = {
            "expires_in_s": int(login.CODE_LIFE.total_seconds()),
            "retry_after_s": int(login.SEND_PAUSE.total_seconds()),
        }
        return Response(LoginCodeSentSerializer(seconds).data, status=status.HTTP_202_ACCEPTED)


class LoginVerifyView(APIView):
    """Exchange a code for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (throttles.LoginPhoneThrottle,)

    @describe(
        operation_id="login_verify",
        summary="Log in with a code",
        description="The first login of a phone registers its driver.",
        request=LoginVerifySerializer,
        responses={200: LoginSerializer},
        refuses=(400, 429),
        public=True,
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        data = read(LoginVerifySerializer, request.data)
        driver, token = login.verify_code(phone=data["phone"], code=data["code"], device=data["device"])
        return Response(LoginSerializer({"token": token, "driver": driver}).data)


class LogoutView(DriverView):
    """Revoke the token of this request."""

    @describe(
        operation_id="logout",
        summary="Log out",
        description="Revokes the token that carries this request; other devices stay logged in.",
        request=None,
        responses={204: None},
        tags=["login"],
    )
    def post(self, request: Request) -> Response:
        tokens.revoke_token(actor=self.actor, token=request.auth)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(DriverView):
    """The driver's own account."""

    @describe(operation_id="me", summary="My account", responses={200: MeSerializer}, tags=["account"])
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(self.driver).data)

    @describe(
        operation_id="me_change",
        summary="Change my name",
        request=MeChangeSerializer,
        responses={200: MeSerializer},
        refuses=(400,),
        tags=["account"],
    )
    def patch(self, request: Request) -> Response:
        data = read(MeChangeSerializer, request.data)
        return Response(MeSerializer(drivers.rename_self(actor=self.actor, name=data["name"])).data)


class CancelView(DriverView):
    """End my account."""

    @describe(
        operation_id="me_cancel",
        summary="Cancel my account",
        description=(
            "Name, phone, vehicles and cards are taken off, orders stay without a name. Refused while a session "
            "runs, anything is owed, or money is on the wallet or a card of mine: it is refunded first."
        ),
        request=CancelSerializer,
        responses={204: None},
        refuses=(400, 409),
        tags=["account"],
    )
    def post(self, request: Request) -> Response:
        data = read(CancelSerializer, request.data)
        drivers.cancel_self(actor=self.actor, phone=data["phone"], reason=data["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)
