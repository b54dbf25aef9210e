"""A driver's settings, and what they were told."""

from django.utils import translation
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from users import notice_words
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe
from users.models import DriverNotice, DriverSettings
from users.services import notices, preferences


class SettingsSerializer(serializers.ModelSerializer):
    class Meta:
        model = DriverSettings
        fields = list(preferences.EDITABLE)
        extra_kwargs = {"language": {"help_text": "Of notices; empty: that of the request."}}


class NoticeSerializer(serializers.ModelSerializer):
    title = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField(help_text="In the language of my settings, else of the request.")
    read = serializers.SerializerMethodField()

    class Meta:
        model = DriverNotice
        fields = ["id", "topic", "key", "title", "text", "created_at", "read"]

    def get_title(self, notice: DriverNotice) -> str:
        return notice_words.title_of(notice)

    def get_text(self, notice: DriverNotice) -> str:
        return notice_words.text_of(notice)

    def get_read(self, notice: DriverNotice) -> bool:
        return notice.read_at is not None


class NoticePageSerializer(serializers.Serializer):
    results = NoticeSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    unread = serializers.IntegerField(help_text="At most 100 are counted.")


class NoticeQuerySerializer(serializers.Serializer):
    cursor = CursorField(length=1)
    limit = LimitField()


class ReadSerializer(serializers.Serializer):
    up_to = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The newest id that I saw.")


class SettingsView(DriverView):
    """How I appear, and what I want to be told."""

    @describe(
        operation_id="settings", summary="My settings", responses={200: SettingsSerializer}, tags=["account"]
    )
    def get(self, request: Request) -> Response:
        return Response(SettingsSerializer(preferences.settings_of(self.driver)).data)

    @describe(
        operation_id="settings_change",
        summary="Change my settings",
        description="Only what is sent is changed. What is switched off is not told from then on.",
        request=SettingsSerializer(partial=True),
        responses={200: SettingsSerializer},
        refuses=(400,),
        tags=["account"],
    )
    def patch(self, request: Request) -> Response:
        form = SettingsSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        changed = preferences.change_settings(actor=self.actor, changes=form.validated_data)
        return Response(SettingsSerializer(changed).data)


class NoticeListView(DriverView):
    """What I was told."""

    @describe(
        operation_id="notices",
        summary="My notices",
        description="Newest first.",
        parameters=[NoticeQuerySerializer],
        responses={200: NoticePageSerializer},
        refuses=(400,),
        tags=["account"],
    )
    def get(self, request: Request) -> Response:
        query = read(NoticeQuerySerializer, request.query_params)
        rows = DriverNotice.objects.for_actor(self.actor).filter(driver=self.driver).order_by("-pk")
        unread = rows.filter(read_at__isnull=True).order_by()[:100].count()
        if "cursor" in query:
            rows = rows.filter(pk__lt=query["cursor"][0])
        found = list(rows[: query["limit"] + 1])
        page = found[: query["limit"]]
        following = encode_cursor(page[-1].pk) if len(found) > len(page) else None
        language = preferences.settings_of(self.driver).language or translation.get_language()
        with translation.override(language):
            body = NoticePageSerializer({"results": page, "next": following, "unread": unread}).data
        return Response(body)


class NoticeReadView(DriverView):
    """I have read them."""

    @describe(
        operation_id="notices_read",
        summary="Mark notices as read",
        request=ReadSerializer,
        responses={204: None},
        refuses=(400,),
        tags=["account"],
    )
    def post(self, request: Request) -> Response:
        notices.mark_read(actor=self.actor, **read(ReadSerializer, request.data))
        return Response(status=status.HTTP_204_NO_CONTENT)
