"""Refusals of this app in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "pile_offline": (_("The pile %(code)s is offline."), 409),
        "pile_out_of_service": (_("The pile %(code)s is out of service."), 409),
        "command_unsupported": (_("Piles of protocol %(protocol)s have no command %(kind)s."), 400),
        "certificate_authority_missing": (
            _("The platform has no certificate authority to sign with: %(reason)s"),
            503,
        ),
        "certificate_request_unreadable": (
            _("The certificate request cannot be read, or its signature does not fit its key."),
            400,
        ),
        "certificate_request_weak": (
            _(
                "The key of the certificate request is too weak: RSA from 2048 bits or an elliptic curve from 224."
            ),
            400,
        ),
        "certificate_request_name": (
            _(
                "The certificate request names %(name)s; it must name the pile: %(code)s or its serial number."
            ),
            400,
        ),
        "certificate_unknown": (_("The platform did not issue this certificate."), 403),
        "certificate_revoked": (_("This certificate was revoked."), 403),
        "certificate_expired": (_("This certificate is not valid at this time."), 403),
        "certificate_of_another_pile": (_("This certificate does not belong to the pile %(code)s."), 403),
        "card_list_too_long": (
            _("A card list has at most %(most)s cards at a time; %(given)s were given."),
            400,
        ),
        "reservation_time": (_("A reservation ends between one minute and seven days from now."), 400),
        "reservation_exists": (_("The pile %(code)s has a reservation on this connector already."), 409),
        "reservation_over": (_("Reservation %(number)s is over."), 409),
        "firmware_taken": (_("The version %(version)s of this model is there already."), 409),
        "firmware_no_ftp": (
            _("The pile %(code)s fetches firmware over FTP, and no FTP server is set (EV_FIRMWARE_FTP_URL)."),
            409,
        ),
        "parameter_set_taken": (_("There is a parameter set %(name)s for this model already."), 409),
        "parameters_other_model": (_("The pile %(code)s is not of the model %(model)s."), 400),
        "parameters_under_way": (_("The pile %(code)s is being set at this moment."), 409),
        "campaign_empty": (
            _("No pile of the model %(model)s would be updated to %(version)s by this campaign."),
            400,
        ),
        "command_pending": (_("The pile %(code)s has not answered the last %(kind)s command yet."), 409),
    }
)
