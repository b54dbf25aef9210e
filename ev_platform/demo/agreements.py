"""What the demo's operators agreed with the platform and with their agents, each through two people, as it must be."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

from billing import business_day
from billing.models import Payee, Proposal
from billing.services import proposals
from billing.services.clearing import payees
from billing.services.payouts import accounts
from ev_platform.demo import world
from kernel import clock
from kernel.actor import Actor
from marketing.services import recharge_offers
from stations.models import Station
from users.actors import of_staff
from users.models import Operator, Staff

WHY = "the demo's own rows"
Kind = Proposal.Kind


class CodeReader:
    """The payee's phone: remembers the code it was sent."""

    last = ""

    def send_login_code(self, phone: str, code: str) -> None:
        CodeReader.last = code


def person(username: str) -> Actor:
    """One of the demo's console accounts as the one who acts."""
    return of_staff(Staff.objects.unscoped(WHY).get(username=username))


def agree(kind: str, payload: Mapping[str, Any], *, operator: Operator | None = None, reason: str) -> str:
    """A change that the platform's finance asked for and its administrator approved; what came of it."""
    asked = proposals.propose(
        actor=person("zhangwu"), kind=kind, payload=payload, operator=operator, reason=reason
    )
    return proposals.approve(actor=person("admin"), proposal=asked).result


def sign(*, actor: Actor) -> None:
    """Terms, payees with confirmed accounts, clearing rules, contracts and a recharge offer, from now on."""
    before, settings.SMS_SENDER = settings.SMS_SENDER, f"{__name__}.{CodeReader.__name__}"
    try:
        for given in world.AGREEMENTS:
            _operator(Operator.objects.unscoped(WHY).get(code=given.operator), given)
    finally:
        settings.SMS_SENDER = before
    name, least_fen, bonus_fen = world.RECHARGE_OFFER
    recharge_offers.save_offer(
        actor=actor,
        name=name,
        least_fen=least_fen,
        bonus_fen=bonus_fen,
        per_driver=2,
        budget_fen=200_000,
        opens_at=clock.now() - timedelta(days=1),
        closes_at=clock.now() + timedelta(days=60),
    )


def _operator(operator: Operator, given: world.Agreement) -> None:
    today = business_day.today()
    terms = {
        "auto_payout": given.auto_payout,
        "minimum_payout_fen": given.minimum_payout_fen,
        "cycle": "daily",
    }
    agree(Kind.FINANCE_TERMS, terms, operator=operator, reason="签约条款")
    invoice = {
        "seller_name": given.seller,
        "seller_tax_no": given.tax_no,
        "auto_approve_fen": given.auto_approve_fen,
    }
    agree(Kind.INVOICE_TERMS, invoice, operator=operator, reason="开票信息登记")
    owner = payees.operator_payee(operator)
    _account(owner, given.phone, given.account)
    rule: dict[str, Any] = {
        "channel_fee_bp": 60,
        "commission": {"electricity": {"bp": 100}, "any": {"bp": given.commission_bp}},
    }
    _rule(operator, rule, None)
    if given.agents:
        own = 10_000 - sum(agent.bp for agent in given.agents if not agent.below)
        shares: list[dict[str, Any]] = [{"payee": owner.pk, "bp": own}]
        made: dict[str, Payee] = {}
        for agent in given.agents:
            parent = made.get(agent.below)
            payee = made[agent.code] = payees.create_payee(
                actor=person("zhangwu"),
                operator=operator,
                kind="agent",
                code=agent.code,
                name=agent.name,
                parent=parent,
            )
            _account(payee, agent.phone, agent.account)
            share = {"payee": payee.pk, "bp": agent.bp}
            shares.append(share | ({"parent": parent.pk} if parent else {}))
        station = Station.objects.unscoped(WHY).get(code=given.station)
        _rule(operator, rule | {"shares": {"service": shares}}, station)
    begins = (today + timedelta(days=40)).replace(day=1)  # nothing of it is due yet
    contract = {
        "kind": "hosting_pile",
        "amount_fen": given.hosting_fen,
        "starts_on": begins.isoformat(),
        "ends_on": begins.replace(year=begins.year + 1).isoformat(),
        "note": "平台托管服务",
    }
    agree(Kind.CONTRACT, contract, operator=operator, reason="托管合同")


def _rule(operator: Operator, terms: dict[str, Any], station: Station | None) -> None:
    payload = {
        "terms": {"shares": {}, **terms},
        "effective_at": clock.now().isoformat(),
        "station": station.pk if station else None,
    }
    agree(Kind.CLEARING_RULE, payload, operator=operator, reason="分账方案")


def _account(payee: Payee, phone: str, account: tuple[str, str, str]) -> None:
    channel, identity, real_name = account
    payee = payees.update_payee(actor=person("zhangwu"), payee=payee, changes={"phone": phone})
    bound = accounts.bind_account(
        actor=person("zhangwu"), payee=payee, channel=channel, identity=identity, real_name=real_name
    )
    accounts.verify_account(actor=person("admin"), account=bound, code=CodeReader.last)
