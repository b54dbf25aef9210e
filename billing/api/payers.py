"""Who can pay for my charging: the enterprises whose member I am, with what is left for me."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.services import paying
from users.api.base import DriverView
from users.api.schema import describe
from users.models import EnterpriseMember


class EnterprisePayerSerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="Given as `enterprise` when charging starts.")
    name = serializers.CharField()
    operator = serializers.CharField(source="operator.name")
    stations = serializers.ListField(
        child=serializers.CharField(), help_text="Codes of the stations where it pays."
    )
    order_limit_fen = serializers.IntegerField(allow_null=True, help_text="Per order; null: no limit.")
    day_left_fen = serializers.IntegerField(allow_null=True, help_text="Left of today; null: no limit.")
    month_left_fen = serializers.IntegerField(
        allow_null=True, help_text="Left of this month; null: no limit."
    )


class EnterpriseListView(DriverView):
    """Enterprises that pay for me."""

    @describe(
        operation_id="enterprises_list",
        summary="Enterprises that pay for me",
        responses={200: EnterprisePayerSerializer(many=True)},
        tags=["account"],
    )
    def get(self, request: Request) -> Response:
        members = EnterpriseMember.objects.for_actor(self.actor).filter(
            driver=self.driver, is_active=True, enterprise__is_active=True
        )
        members = members.select_related("enterprise__operator").order_by("pk")[:100]
        rows = [self._row(member) for member in members]
        return Response(EnterprisePayerSerializer(rows, many=True).data)

    def _row(self, member: EnterpriseMember) -> dict:
        left = paying.left_of_member(member)
        enterprise = member.enterprise
        stations = enterprise.station_rows.order_by("station__code").values_list("station__code", flat=True)
        return {
            "id": enterprise.pk,
            "name": enterprise.name,
            "operator": enterprise.operator,
            "stations": list(stations),
            "order_limit_fen": member.order_limit_fen,
            "day_left_fen": left["day"],
            "month_left_fen": left["month"],
        }
