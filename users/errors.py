"""Refusals of this app in words."""

from django.utils.translation import gettext_lazy as _

from kernel.errors import register_messages

register_messages(
    {
        "export_filter_refused": (
            _("The filter of the list is not accepted any more; open the list again."),
            400,
        ),
        "phone_invalid": (
            _("%(phone)s is not a mobile number; 11 digits starting with 1 are accepted."),
            400,
        ),
        "phone_taken": (_("The number %(phone)s already belongs to a driver."), 409),
        "login_code_wrong": (_("The code is wrong or no longer valid. Ask for a new one."), 400),
        "login_code_too_many": (_("Too many wrong codes. Ask for a new one."), 429),
        "login_code_too_soon": (_("A code was just sent. Wait %(seconds)s seconds."), 429),
        "sms_failed": (_("The code could not be sent. Try again in a moment."), 503),
        "driver_frozen": (_("This account is frozen. Contact customer service."), 403),
        "operator_code_taken": (_("An operator with the code %(code)s already exists."), 409),
        "operator_unknown": (_("There is no operator %(code)s."), 404),
        "driver_unknown": (_("There is no driver with the number %(phone)s."), 404),
        "username_taken": (_("The user name %(username)s is already taken."), 409),
        "role_beyond_own": (_("The role %(role)s holds permissions that you do not have."), 403),
        "scope_beyond_own": (_("The data scope %(scope)s is outside your own."), 403),
        "staff_above": (_("The account %(username)s may do more than you; ask somebody above it."), 403),
        "operator_inactive": (_("The operator %(code)s is disabled."), 409),
    }
)
