"""Refusals of this app in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "favourites_full": (_("You can keep %(most)s stations; take one off first."), 409),
        "station_code_taken": (_("A station with the code %(code)s already exists."), 409),
        "station_group_taken": (_("The operator already has a group called %(name)s."), 409),
        "pile_model_taken": (_("The pile model %(name)s already exists."), 409),
        "station_closed": (_("The station %(station)s is closed."), 409),
        "station_unknown": (_("There is no station %(code)s."), 404),
        "pile_code_taken": (_("A pile with the code %(code)s already exists."), 409),
        "pile_code_invalid": (_("%(code)s is not a pile code of this protocol: %(accepted)s."), 400),
        "pile_unknown": (_("There is no pile %(code)s."), 404),
        "pile_password_required": (_("An OCPP pile needs a password of 16 to 64 characters."), 400),
        "connector_unknown": (_("There is no connector %(code)s."), 404),
        "connector_count_invalid": (_("%(count)s connectors: 1 to 16 are accepted."), 400),
        "method_not_allowed": (
            _("%(method)s is not a way to start the pile %(code)s (charge mode: %(mode)s)."),
            409,
        ),
        "pile_charging": (_("The pile %(code)s is charging; try again when it is idle."), 409),
    }
)
