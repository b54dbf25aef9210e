"""The levels that I have at operators, and the next ones."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketing.models import MemberLevel, Membership
from users.api.base import DriverView
from users.api.schema import describe


class NextLevelSerializer(serializers.Serializer):
    name = serializers.CharField(source="tag.name")
    measure = serializers.ChoiceField(MemberLevel.Measure.choices)
    least = serializers.IntegerField(help_text="kWh or yuan within `window_days`.")
    window_days = serializers.IntegerField()


class MembershipSerializer(serializers.Serializer):
    operator = serializers.CharField(source="operator.name")
    level = serializers.CharField(source="level.tag.name")
    counted = serializers.IntegerField(help_text="kWh or yuan, at the last look.")
    measure = serializers.CharField(source="level.measure")
    since = serializers.DateTimeField()
    next = serializers.SerializerMethodField()

    @extend_schema_field(NextLevelSerializer(allow_null=True))
    def get_next(self, membership: Membership):
        above = self.context["levels"].get(membership.operator_id, [])
        higher = [one for one in above if one.tag.rank > membership.level.tag.rank]
        return NextLevelSerializer(min(higher, key=lambda one: one.tag.rank)).data if higher else None


class MembershipListView(DriverView):
    """My levels."""

    @describe(
        operation_id="memberships",
        summary="My member levels",
        description="One per operator at which I have reached a level; looked at once an hour.",
        responses={200: MembershipSerializer(many=True)},
        tags=["marketing"],
    )
    def get(self, request: Request) -> Response:
        rows = Membership.objects.for_actor(self.actor).filter(driver=self.driver)
        rows = list(rows.select_related("operator", "level__tag").order_by("operator_id"))
        levels: dict[int, list[MemberLevel]] = {}
        known = MemberLevel.objects.unscoped("what an operator offers to all of its drivers")
        for level in known.filter(
            operator_id__in=[row.operator_id for row in rows], is_active=True
        ).select_related("tag"):
            levels.setdefault(level.operator_id, []).append(level)
        return Response(MembershipSerializer(rows, many=True, context={"levels": levels}).data)
