"""Files that piles uploaded: logs and diagnostics, to be taken out."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import PileUpload
from users.console.display import chip

State = PileUpload.State
TONES = {State.AWAITED: "amber", State.RECEIVED: "green", State.FAILED: "red"}


@admin.register(PileUpload)
class PileUploadAdmin(PileFactAdmin):
    list_display = ("created_at", "pile_page", "status", "progress", "download", "size_bytes", "received_at")
    list_filter = (date_window("created_at", _("Time")),)
    fields = (*list_display, "name", "command", "expires_at")

    def get_urls(self):
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:upload_id>/file/", view, name="devices_pileupload_file"), *super().get_urls()]

    def file_view(self, request: HttpRequest, upload_id: int) -> FileResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload = self.get_queryset(request).filter(pk=upload_id, state=State.RECEIVED).first()
        if upload is None:
            raise Http404
        return FileResponse(
            upload.file.open("rb"), as_attachment=True, filename=upload.name or upload.file.name
        )

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("file"))
    def download(self, obj):
        if obj.state != State.RECEIVED:
            return "–"
        url = reverse(f"{self.admin_site.name}:devices_pileupload_file", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, obj.name or _("Download"))
