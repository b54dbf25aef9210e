"""Exports of the reader: how far they are, and the file."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from kernel.actor import Actor
from kernel.models import ExportJob
from kernel.services import exports
from users.console.actions import ActionForm, operator_action
from users.console.admin import FactAdmin, actor_of
from users.console.display import chip

State = ExportJob.State
TONES = {
    State.QUEUED: "amber",
    State.RUNNING: "blue",
    State.DONE: "green",
    State.FAILED: "red",
    State.CANCELLED: "grey",
    State.EXPIRED: "grey",
}


@admin.register(ExportJob)
class ExportJobAdmin(FactAdmin):
    """Everybody sees their own exports and nobody else's: the file holds what they may see."""

    shared_reason = "each reader sees only their own exports"
    exportable = False
    change_form_template = "console/export_job.html"
    list_display = ("created_at", "title", "file_format", "status", "progress", "rows_done", "download")
    fields = (
        "title", "file_format", "status", "progress", "download", "error", "created_at", "started_at", "finished_at",
        "expires_at",
    )  # fmt: skip
    actions_detail = ("cancel",)

    def rows_for(self, actor: Actor):
        return ExportJob.objects.filter(owner_kind=actor.kind, owner_id=actor.id)

    def get_urls(self):
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:job_id>/file/", view, name="kernel_exportjob_file"), *super().get_urls()]

    def file_view(self, request: HttpRequest, job_id: int) -> FileResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_queryset(request).filter(pk=job_id, state=State.DONE).first()
        if job is None or not default_storage.exists(job.stored_name):
            raise Http404
        name = f"{job.title}-{job.created_at:%Y%m%d-%H%M%S}.{job.file_format}"
        return FileResponse(default_storage.open(job.stored_name), as_attachment=True, filename=name)

    @admin.display(description=_("state"))
    def status(self, obj):
        return chip(obj.get_state_display(), TONES.get(obj.state, "grey"))

    @admin.display(description=_("progress"))
    def progress(self, obj):
        return format_html(
            '<progress class="ev-progress" max="100" value="{}">{} %</progress> {} %',
            obj.percent,
            obj.percent,
            obj.percent,
        )

    @admin.display(description=_("file"))
    def download(self, obj):
        if obj.state != State.DONE:
            return "–"
        url = reverse(f"{self.admin_site.name}:kernel_exportjob_file", args=[obj.pk])
        return format_html('<a href="{}">{}</a> ({} KB)', url, _("Download"), obj.size_bytes // 1024 + 1)

    @operator_action(
        title=_("Cancel"),
        text=_("The export ends and leaves no file."),
        permission="kernel.add_exportjob",
        form=ActionForm,
        available=lambda job: job.is_open,
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request, obj, form):
        exports.cancel_export(actor=actor_of(request), job_id=obj.pk)
        return _("The export is cancelled.")
