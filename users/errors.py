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
        "login_provider_off": (_("Log-in by %(provider)s is not offered here."), 404),
        "login_app_code_wrong": (_("The code of the app is wrong, used or expired. Log in again."), 400),
        "login_provider_silent": (
            _("The app's service does not answer. Try again, or log in by text message."),
            503,
        ),
        "login_ticket_wrong": (_("The log-in took too long. Begin again."), 400),
        "login_phone_unproven": (
            _("Prove the phone number: by the app's own consent where it has one, or by a text message."),
            400,
        ),
        "identity_taken": (_("This %(provider)s account belongs to another phone number."), 409),
        "identity_other_bound": (
            _(
                "The phone number has another %(provider)s account. Log in by text message and take that one off "
                "first."
            ),
            409,
        ),
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
        "driver_cancelled": (_("This account has been cancelled."), 409),
        "phone_differs": (_("This is not the number of your account."), 400),
        "card_no_invalid": (
            _("%(number)s is not a card number; up to 20 letters, digits and _ . : - are accepted."),
            400,
        ),
        "card_logical_invalid": (_("%(number)s is not a printed card number; 1 to 16 digits are."), 400),
        "card_taken": (_("There is a card %(number)s already."), 409),
        "card_unknown": (_("There is no card %(number)s, or the other number does not belong to it."), 404),
        "card_state": (_("The card %(number)s is not in use (%(state)s)."), 409),
        "card_bound": (_("The card %(number)s belongs to somebody else. Unbind it first."), 409),
        "card_busy": (_("The card %(number)s has a session that is not settled: %(order_no)s."), 409),
        "card_foreign": (_("The card %(number)s and the enterprise belong to different operators."), 400),
        "card_payer": (_("The card is bound to nobody who could pay this way."), 400),
        "vehicle_owner": (_("A vehicle belongs to one driver or to one enterprise."), 400),
        "vehicle_unknown": (_("There is no vehicle %(number)s in your scope."), 404),
        "vehicle_numbers": (_("A vehicle needs a plate or a VIN."), 400),
        "vehicle_taken": (_("The vehicle %(plate)s is there already."), 409),
        "vehicle_vin_taken": (_("This VIN is verified for another vehicle."), 409),
        "vehicle_verified": (_("The vehicle is verified already."), 409),
        "vehicle_too_many": (_("At most %(most)s vehicles are possible."), 409),
        "vehicle_listed": (_("The vehicle is on a whitelist. Take it off first."), 409),
        "vehicle_photo": (_("JPEG and PNG pictures of at most %(most_mib)s MiB are accepted."), 400),
        "enterprise_code_taken": (_("The operator already has an enterprise with the code %(code)s."), 409),
        "member_limit": (_("A limit is a positive amount, or empty for no limit."), 400),
        "tag_taken": (_("The operator already has a tag called %(name)s."), 409),
        "whitelist_one": (_("Name one driver, one card or one vehicle."), 400),
        "whitelist_limit": (_("The whitelist needs a positive limit."), 400),
        "whitelist_taken": (_("%(name)s is on the whitelist already."), 409),
    }
)
