"""Role templates: named groups with permissions. What a role sees is decided by data scope, not here.

The permissions follow the role matrix of the platform: platform admin, operator admin, monitoring, finance,
operation and maintenance. `ensure_roles` may run any number of times; it adds what is missing and takes
nothing away that somebody added by hand.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext_noop

from kernel.actor import Actor
from kernel.services import audit
from users import policy

# What a person may see in a list, they may take out of it as a file.
_EXPORT = ("kernel.add_exportjob", "kernel.view_exportjob")
_READ_DEVICES = (
    *_EXPORT,
    "users.view_operator",
    "stations.view_station",
    "stations.view_stationgroup",
    "stations.view_pile",
    "stations.view_pilemodel",
    "stations.view_connector",
    "stations.view_modecell",
    "devices.view_devicecommand",
    "devices.view_framelog",
    "devices.view_pilesession",
    "devices.view_sensor",
    "devices.view_cashcounter",
    "devices.view_pilemeterday",
    "devices.view_issuedcertificate",
    "devices.view_devicevariable",
    "devices.view_heldprofile",
    "devices.view_locallist",
    "devices.view_helditem",
    "devices.view_pilenotice",
    "devices.view_reservation",
    "devices.view_pileupload",
    "devices.view_transactionrecord",
    "devices.view_devicetransaction",
    "devices.view_baylock",
    "devices.view_reportedvehicle",
    "devices.view_vehiclereport",
    "devices.view_firmwarefile",
    "devices.view_parameterset",
    "devices.view_parametercheck",
    "devices.view_firmwarecampaign",
    "devices.view_firmwaretarget",
    "alerts.view_alert",
    "alerts.view_alertmessage",
)
_READ_MONEY = (
    *_EXPORT,
    "billing.view_tariff",
    "billing.view_tariffversion",
    "billing.view_discount",
    "billing.view_specialday",
    "marketing.view_couponcampaign",
    "marketing.view_coupon",
    "marketing.view_memberlevel",
    "marketing.view_membership",
    "billing.view_chargingstrategy",
    "billing.view_orderfee",
    "billing.view_boxcashday",
    "billing.view_chargingorder",
    "billing.view_reviewitem",
    "billing.view_account",
    "billing.view_entry",
    "billing.view_payment",
    "billing.view_refund",
    "billing.view_paidstart",
    "billing.view_scoreorder",
    "billing.view_booking",
    "billing.view_monthsale",
    "billing.view_rechargebonus",
    "users.view_driver",
)
_READ_PEOPLE = (
    "users.view_enterprise",
    "users.view_enterprisemember",
    "users.view_card",
    "users.view_vehicle",
    "users.view_whitelistentry",
    "users.view_drivertag",
)
_CARDS = (
    "users.view_card",
    "users.issue_card",
    "users.freeze_card",
    "users.ungray_card",
    "users.sync_card",
    "billing.top_up_card",
    "billing.view_monthsale",
    "billing.refund_monthsale",
)
_MEMBERS = (
    "users.view_enterprise",
    "users.view_enterprisemember",
    "users.add_enterprisemember",
    "users.change_enterprisemember",
    "users.view_vehicle",
    "users.add_vehicle",
    "users.delete_vehicle",
    "users.view_card",
)
_READ_FINANCE = (
    "analytics.view_reports",
    "billing.view_clearingrecord",
    "billing.view_clearingrule",
    "billing.view_payee",
    "billing.view_proposal",
    "billing.view_statement",
    "billing.view_payout",
    "billing.view_payoutaccount",
    "billing.view_settlementitem",
    "billing.view_financeterms",
    "billing.view_invoice",
    "billing.view_invoiceterms",
    "billing.view_servicecontract",
)
# Which of the two a person may do on a given change is decided by who asked for it.
_DECIDE_MONEY = (
    "billing.review_invoice",
    "billing.red_invoice",
    "billing.propose_change",
    "billing.approve_change",
)
_OPERATE = ("stations.remote_start", "stations.remote_stop", "stations.set_service", "devices.move_bay_lock")
_MAINTAIN = (
    "stations.add_station",
    "stations.change_station",
    "stations.add_stationgroup",
    "stations.change_stationgroup",
    "stations.add_pile",
    "stations.change_pile",
    "stations.push_tariff",
    "devices.add_firmwarecampaign",
    "devices.run_firmwarecampaign",
    "devices.add_devicecommand",
    "devices.add_parameterset",
    "devices.change_parameterset",
)


@dataclass(frozen=True)
class Role:
    code: str
    name: str
    permissions: tuple[str, ...]


ROLES = (
    Role("platform_admin", gettext_noop("Platform admin"), ("*",)),
    Role(
        "operator_admin",
        gettext_noop("Operator admin"),
        (
            *_READ_DEVICES,
            *_READ_MONEY,
            *_READ_FINANCE,
            *_OPERATE,
            *_MAINTAIN,
            "billing.add_tariff",
            "billing.change_tariff",
            "billing.add_discount",
            "marketing.add_couponcampaign",
            "marketing.change_couponcampaign",
            "marketing.add_coupon",
            "marketing.add_memberlevel",
            "marketing.change_memberlevel",
            "marketing.void_coupon",
            "billing.change_discount",
            "billing.add_chargingstrategy",
            "billing.change_chargingstrategy",
            "billing.waive_fee",
            "billing.cancel_booking",
            "billing.settle_review",
            "billing.request_invoice",
            *_READ_PEOPLE,
            *_CARDS,
            *_MEMBERS,
            "users.add_enterprise",
            "users.change_enterprise",
            "users.verify_vehicle",
            "users.add_whitelistentry",
            "users.change_whitelistentry",
            "users.add_drivertag",
            "users.change_drivertag",
            "users.add_driver",
            "users.change_driver",
            "users.cancel_driver",
            "users.view_personal_data",
            "users.view_staff",
            "users.add_staff",
            "users.change_staff",
            "kernel.view_auditevent",
        ),
    ),
    Role(
        "monitoring_admin",
        gettext_noop("Monitoring admin"),
        (
            *_READ_DEVICES,
            "billing.view_chargingorder",
            "billing.view_reviewitem",
            "billing.view_booking",
            "billing.cancel_booking",
            *_OPERATE,
        ),
    ),
    Role(
        "platform_finance",
        gettext_noop("Platform finance"),
        (
            *_READ_MONEY,
            *_READ_FINANCE,
            *_DECIDE_MONEY,
            "users.view_operator",
            "stations.view_station",
            "billing.view_paymentnotice",
            "billing.query_payment",
            "billing.resolve_payment",
            "billing.approve_refund",
            "billing.add_clearingrule",
            "billing.add_payee",
            "billing.change_payee",
            "billing.bind_payoutaccount",
            "billing.verify_payoutaccount",
            "billing.approve_payout",
            "billing.view_channelbill",
            "billing.view_difference",
            "billing.view_dayclose",
            "billing.view_checkfinding",
            "billing.reconcile",
            "billing.settle_difference",
            "billing.close_day",
            "kernel.view_auditevent",
        ),
    ),
    Role(
        "finance_admin",
        gettext_noop("Finance admin"),
        (
            *_READ_MONEY,
            *_READ_PEOPLE,
            *_READ_FINANCE,
            *_DECIDE_MONEY,
            "users.view_operator",
            "stations.view_station",
            "billing.settle_review",
            "billing.top_up",
            "billing.top_up_card",
            "billing.set_credit",
            "billing.request_invoice",
            "billing.view_paymentnotice",
            "billing.query_payment",
            "billing.resolve_payment",
            "billing.request_refund",
            "billing.approve_refund",
            "billing.bind_payoutaccount",
            "billing.confirm_statement",
        ),
    ),
    Role(
        "card_admin",
        gettext_noop("Card admin"),
        (
            *_CARDS,
            "users.view_driver",
            "users.view_enterprise",
            "stations.view_station",
            "billing.view_chargingorder",
            "billing.view_entry",
            "billing.view_account",
        ),
    ),
    Role(
        "enterprise_admin",
        gettext_noop("Enterprise admin"),
        (
            *_MEMBERS,
            "billing.view_chargingorder",
            "billing.view_account",
            "billing.view_entry",
            "billing.view_invoice",
            "billing.request_invoice",
        ),
    ),
    Role(
        "maintenance",
        gettext_noop("Operation and maintenance"),
        (
            *_READ_DEVICES,
            "stations.set_service",
            "stations.remote_stop",
            "stations.push_tariff",
            "devices.move_bay_lock",
            "devices.add_devicecommand",
            "devices.add_firmwarecampaign",
            "devices.run_firmwarecampaign",
        ),
    ),
)


def ensure_roles(*, actor: Actor) -> dict[str, Group]:
    """Create or complete the role groups; returns role code -> group.

    A permission that this installation does not have (an app left out) is skipped.
    DomainError `permission_denied`.
    """
    policy.require(actor, "auth.add_group")
    with transaction.atomic():
        return {role.code: _ensure(actor, role) for role in ROLES}


def _ensure(actor: Actor, role: Role) -> Group:
    group, created = Group.objects.get_or_create(name=role.name)
    wanted = _permissions(role)
    missing = wanted.exclude(pk__in=group.permissions.values("pk")) if not created else wanted
    names = sorted(f"{p.content_type.app_label}.{p.codename}" for p in missing.select_related("content_type"))
    if names:
        group.permissions.add(*missing)
        audit.record(actor=actor, action="users.ensure_role", target=group, after={"added": names})
    return group


def _permissions(role: Role) -> Any:
    everything = Permission.objects.all()
    if role.permissions == ("*",):
        return everything
    wanted = {tuple(name.split(".")) for name in role.permissions}
    rows = everything.select_related("content_type").filter(
        codename__in={codename for _app, codename in wanted}
    )
    return everything.filter(
        pk__in=[row.pk for row in rows if (row.content_type.app_label, row.codename) in wanted]
    )
