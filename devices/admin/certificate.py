"""Certificates that the platform issued to piles: until when they hold, and taking trust away."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from devices.admin.places import PileFactAdmin, date_window
from devices.models import IssuedCertificate
from devices.services import certificates
from kernel import clock
from users.console.actions import operator_action
from users.console.admin import actor_of
from users.console.display import chip


@admin.register(IssuedCertificate)
class IssuedCertificateAdmin(PileFactAdmin):
    list_display = ("issued_at", "pile_page", "common_name", "status", "use", "not_after", "installed_at")
    list_filter = (date_window("issued_at", _("Time"), "all"),)
    fields = (
        "pile_page", "common_name", "status", "use", "serial_no", "fingerprint", "not_before", "not_after",
        "issued_at", "installed_at", "revoked_at", "revoke_reason", "pem",
    )  # fmt: skip
    actions_detail = ("revoke",)

    @admin.display(description=_("state"))
    def status(self, obj):
        if obj.revoked_at is not None:
            return chip(_("Revoked"), "red")
        if obj.not_after <= clock.now():
            return chip(_("Run out"), "grey")
        return chip(_("Valid"), "green")

    @operator_action(
        title=_("Revoke"),
        text=_("The pile can no longer connect with this certificate. This cannot be undone."),
        permission="devices.change_issuedcertificate",
        available=lambda certificate: certificate.revoked_at is None,
        icon="gpp_bad",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request, obj, form):
        certificates.revoke(actor=actor_of(request), certificate=obj, reason=form.cleaned_data["reason"])
        return _("The certificate is revoked.")
