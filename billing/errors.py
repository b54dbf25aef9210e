"""Refusals of this app in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from kernel.errors import DomainError, register_messages

register_messages(
    {
        "connector_busy": (_("The connector %(code)s is in use."), 409),
        "night_cut_off": (_("The pile %(code)s is switched off at night until %(until)s."), 409),
        "extend_not_possible": (_("The pile %(code)s cannot change a running charge."), 409),
        "extend_needs_hold": (
            _("No money is held for the order %(order_no)s; an amount cannot be added to it."),
            409,
        ),
        "nothing_to_add": (_("Give the amount to add, or a package where the tariff sells time."), 400),
        "connector_fault": (_("The connector %(code)s reports a fault."), 409),
        "driver_busy": (_("You already have a charging session: %(order_no)s."), 409),
        "driver_in_arrears": (_("There is an unpaid amount of %(yuan)s yuan. Top up first."), 402),
        "insufficient_balance": (
            _("The balance is %(available_yuan)s yuan; %(needed_yuan)s yuan are needed to start."),
            402,
        ),
        "no_tariff": (_("The pile %(code)s has no tariff in force."), 409),
        "tariff_not_on_pile": (_("The pile %(code)s has not confirmed its tariff yet."), 409),
        "tariff_does_not_fit": (_("The tariff does not fit this pile: %(reason)s"), 400),
        "tariff_name_taken": (_("This operator already has a tariff called %(name)s."), 409),
        "tariff_moment_taken": (_("This tariff already has a version from that moment on."), 409),
        "tariff_in_the_past": (_("A new version of a tariff cannot start in the past."), 400),
        "tariff_invalid": (_("The tariff is not valid: %(reason)s"), 400),
        "target_invalid": (_("The limit %(target)s: accepted are %(accepted)s."), 400),
        "strategy_refuses": (
            _("The strategy %(strategy)s does not allow this way of starting; accepted are: %(accepted)s."),
            409,
        ),
        "strategy_name_taken": (_("This operator already has a strategy called %(name)s."), 409),
        "package_invalid": (
            _("%(fen)s fen is none of the packages here; accepted are: %(accepted)s fen."),
            400,
        ),
        "discount_invalid": (_("The discount is not valid: %(reason)s"), 400),
        "file_invalid": (_("The file is not accepted: %(reason)s"), 400),
        "fee_not_running": (_("This fee has ended already."), 409),
        "fee_settled": (_("This fee has been paid already; it cannot be waived."), 409),
        "order_unknown": (_("There is no order %(order_no)s."), 404),
        "order_not_running": (_("The order %(order_no)s is not running."), 409),
        "order_not_in_review": (_("The order %(order_no)s does not wait for a person."), 409),
        "record_missing": (_("The order %(order_no)s has no usable record: %(reason)s"), 409),
        "order_has_record": (_("The order %(order_no)s has its record already."), 409),
        "record_of_other_pile": (
            _("The record is of the pile %(code)s, the order %(order_no)s is not."),
            409,
        ),
        "order_needs_settling": (_("The order %(order_no)s waits to be settled; settle it instead."), 409),
        "review_closed": (_("This item has been handled already."), 409),
        "choice_invalid": (_("%(value)s is not accepted; accepted are: %(accepted)s."), 400),
        "recharge_amount": (
            _("%(amount)s fen is not accepted; %(minimum)s to %(maximum)s fen are."),
            400,
        ),
        "bill_paid": (_("Nothing is owed; there is no bill to pay."), 409),
        "score_unavailable": (_("Charging on pay score is not offered here."), 409),
        "score_given_already": (_("The permission for pay score has been given already."), 409),
        "score_not_given": (_("The permission for pay score has not been given, or was withdrawn."), 409),
        "score_refused": (_("WeChat refused the charge on pay score (%(code)s)."), 409),
        "score_order_unknown": (_("There is no charge on pay score %(number)s."), 404),
        "payment_unknown": (_("There is no payment %(number)s."), 404),
        "payment_channel_off": (_("%(channel)s is not available; available are: %(accepted)s."), 400),
        "payment_way_unknown": (_("%(way)s is not a way of %(channel)s; accepted are: %(accepted)s."), 400),
        "payment_openid_missing": (_("Paying inside the mini program needs the payer's openid."), 400),
        "payment_channel_silent": (
            _("The payment channel does not answer now. Try again with the same key in a moment."),
            503,
        ),
        "payment_refused": (_("The payment channel refused the payment (%(code)s)."), 409),
        "payment_not_in_review": (_("The payment %(number)s does not wait for a person."), 409),
        "payment_not_paid": (_("The channel says that the payment %(number)s has not been paid."), 409),
        "paid_start_late": (_("The payment came so late that nobody waits at the pile any more."), 409),
        "refund_unknown": (_("There is no refund %(number)s."), 404),
        "refund_above": (
            _(
                "At most %(maximum_yuan)s yuan can go back to where they came from; %(asked_yuan)s were asked for."
            ),
            409,
        ),
        "refund_order_running": (_("A charging session is not settled yet. Ask again afterwards."), 409),
        "refund_decided": (_("The refund %(number)s has been decided already."), 409),
        "refund_four_eyes": (
            _("Above %(limit_yuan)s yuan somebody else than who asked for the refund has to approve it."),
            403,
        ),
        "refund_nothing_to_send": (_("Nothing of the refund %(number)s waits for the channel."), 409),
        "proposal_decided": (_("This has been decided already."), 409),
        "four_eyes": (_("Somebody else than who asked for it has to approve it."), 403),
        "clearing_rule_invalid": (_("The clearing rule is not valid: %(reason)s"), 400),
        "clearing_rule_past": (_("A clearing rule cannot begin in the past."), 400),
        "clearing_rule_moment_taken": (
            _("There is a clearing rule from that moment on already; choose another moment."),
            409,
        ),
        "payee_code_taken": (_("This operator already has a payee with the code %(code)s."), 409),
        "order_not_settled": (_("The order %(order_no)s is not settled, or nobody paid it."), 409),
        "order_refund_above": (
            _("At most %(left_yuan)s yuan of the %(kind)s fee of %(order_no)s can be given back."),
            409,
        ),
        "contract_invalid": (_("The contract is not valid: %(reason)s"), 400),
        "order_invoiced": (
            _(
                "The order %(order_no)s is on the invoice %(number)s; it has to be reversed or rejected first."
            ),
            409,
        ),
        "invoice_unknown": (_("There is no invoice %(number)s."), 404),
        "invoice_nothing_paid": (
            _("Nothing was paid for the order %(order_no)s that an invoice could be over."),
            409,
        ),
        "invoice_nothing_left": (
            _("There is nothing paid in this month that no invoice has yet."),
            409,
        ),
        "invoice_fee_running": (
            _("A fee of the order %(order_no)s still runs; ask for the invoice afterwards."),
            409,
        ),
        "invoice_owing": (_("Pay what is owed first; an invoice is over what was paid."), 409),
        "invoice_no_issuer": (_("%(operator)s does not issue invoices here."), 409),
        "invoice_decided": (_("The invoice %(number)s does not wait for this any more."), 409),
        "invoice_not_issued": (_("The invoice %(number)s is not issued, or is being reversed."), 409),
        "day_closed": (_("%(day)s is closed. A closed day is changed only after it was reopened."), 409),
        "day_not_closed": (_("%(day)s is not closed."), 409),
        "day_bill_missing": (
            _("The bill of %(day)s is missing of: %(channels)s. Compare the day first."),
            409,
        ),
        "day_differences": (_("%(day)s has %(count)s open differences; settle them first."), 409),
        "day_uncleared": (_("%(day)s has %(count)s movements of orders that are not divided yet."), 409),
        "difference_settled": (_("The difference about %(number)s does not wait for a person."), 409),
        "bill_not_ready": (_("%(channel)s has not made the bill of %(day)s yet. Try again later."), 409),
        "bill_unavailable": (_("The bill of %(day)s could not be fetched from %(channel)s: %(reason)s"), 503),
        "day_not_over": (_("%(day)s is not over yet."), 409),
        "payout_account_decided": (_("This payout account no longer waits for confirmation."), 409),
        "payout_decided": (_("The payout %(number)s no longer waits for approval."), 409),
        "payout_not_to_send": (_("The payout %(number)s cannot be sent again."), 409),
        "payout_not_to_return": (
            _("The payout %(number)s may be with the channel or is paid; it cannot be returned."),
            409,
        ),
        "payout_not_with_bank": (_("The payout %(number)s is not in a bank file that waits."), 409),
        "amount_invalid": (_("%(amount)s fen is not accepted; 1 to %(maximum)s fen are."), 400),
        "card_unusable": (_("The card %(number)s cannot be used (%(state)s)."), 403),
        "card_expired": (_("The card %(number)s is not valid today."), 403),
        "card_not_here": (_("The card %(number)s is not accepted at this station."), 403),
        "card_unsettled": (
            _("The card %(number)s has a session that is not settled: %(order_no)s."),
            409,
        ),
        "card_has_money": (_("There are %(yuan)s yuan on the card; return the card to pay them out."), 409),
        "card_not_gray": (_("The card %(number)s has no unfinished transaction."), 409),
        "card_session_runs": (_("The order %(order_no)s still runs. Stop it first."), 409),
        "booking_minutes": (_("A booking lasts %(least)s to %(most)s minutes."), 400),
        "booking_exists": (_("You already have a booking: %(number)s."), 409),
        "booking_unknown": (_("There is no booking %(number)s."), 404),
        "booking_over": (_("The booking %(number)s is over."), 409),
        "connector_reserved": (_("The connector %(code)s is booked by somebody else."), 409),
        "card_no_month": (_("The card %(number)s is no month card."), 409),
        "card_no_wallet": (_("The card %(number)s belongs to no driver; pay the money out in cash."), 409),
        "month_refunded": (_("This period of the card %(number)s has been paid back already."), 409),
        "month_not_last": (
            _("A later period of the card %(number)s was sold; pay that one back first."),
            409,
        ),
        "month_above": (_("Between 0.01 and %(maximum_yuan)s yuan can be paid back."), 400),
        "booking_no_fee": (_("The booking %(number)s cost nothing, or is waived already."), 409),
        "card_cash_limit": (
            _("More than %(limit_yuan)s yuan in cash take somebody who may approve refunds."),
            403,
        ),
        "card_list_none": (_("The pile %(code)s holds no cards, and none are to be sent to it."), 409),
        "balance_invalid": (_("%(amount)s is no balance; yuan from 0 with at most two places are."), 400),
        "month_invalid": (_("%(month)s is no month; accepted is yyyy-mm, such as 2026-11."), 400),
        "station_foreign": (_("The station %(station)s is not of the operator of %(name)s."), 400),
        "payer_choice": (_("Name an enterprise or a card to pay, not both."), 400),
        "card_in_arrears": (_("%(yuan)s yuan of the card are unpaid. Top it up first."), 409),
        "enterprise_inactive": (_("The account of %(name)s is disabled."), 403),
        "enterprise_not_here": (_("%(name)s does not pay at %(station)s."), 403),
        "enterprise_member_unknown": (_("%(name)s does not pay for this driver."), 403),
        "enterprise_full": (_("%(name)s has %(most)s orders running already, which is its limit."), 409),
        "enterprise_unknown": (_("There is no enterprise %(code)s that pays for you."), 404),
        "member_limit_reached": (
            _("The limit of this member is used up; %(room_yuan)s yuan are left."),
            402,
        ),
        "vehicle_busy": (_("This vehicle already has a charging session: %(order_no)s."), 409),
        "credit_invalid": (_("A credit is 0 to %(maximum_yuan)s yuan."), 400),
        "credit_too_low": (_("%(used_yuan)s yuan of the credit are used already."), 409),
        "driver_has_money": (
            _("There are %(yuan)s yuan on the wallet or under way. Refund them first."),
            409,
        ),
        "driver_unsettled": (_("The order %(order_no)s is not settled yet."), 409),
    }
)


def sentence_of(refusal: Mapping[str, Any]) -> str:
    """The sentence of a refusal that was kept as `{code, params}`, in the active language."""
    return DomainError(refusal["code"], refusal.get("params")).message
