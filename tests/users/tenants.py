"""Two tenants with one row of every kind, for the tests that walk all models."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from alerts.models import Alert, AlertMessage
from billing.models import (
    Account,
    Booking,
    BoxCashDay,
    ChargingOrder,
    ChargingStrategy,
    ClearingRecord,
    ClearingRule,
    Discount,
    FinanceTerms,
    Invoice,
    InvoiceTerms,
    MonthSale,
    OrderEvent,
    OrderFee,
    PaidStart,
    Payment,
    PaymentNotice,
    Payout,
    PayoutAccount,
    Proposal,
    RechargeBonus,
    Refund,
    ReviewItem,
    ScoreOrder,
    ScorePermission,
    ServiceContract,
    SettlementItem,
    Statement,
)
from billing.services import ledger
from billing.services.clearing import payees
from billing.services.tariffs import snapshot_of
from devices.models import (
    CashCounter,
    DeviceVariable,
    FirmwareCampaign,
    FirmwareFile,
    FirmwareTarget,
    HeldItem,
    HeldProfile,
    IssuedCertificate,
    LocalList,
    ParameterCheck,
    ParameterSet,
    PileMeterDay,
    PileNotice,
    PileUpload,
    Reservation,
    Sensor,
)
from kernel.actor import system
from kernel.services import audit
from marketing.models import Coupon, CouponCampaign, MemberLevel, Membership, RechargeOffer
from tests import factories as f
from users.models import DriverTag, EnterpriseMember, Staff, WhitelistEntry


@dataclass
class Tenant:
    """`rows` maps a model to one row of this tenant; `admin` may do everything inside it."""

    operator: Any
    admin: Staff
    rows: dict[type, Any] = field(default_factory=dict)

    def add(self, *rows: Any) -> None:
        for row in rows:
            self.rows[type(row)] = row


def make_tenant() -> Tenant:
    """An operator with a row of every tenant model, and an admin with every permission but that scope only."""
    site = f.make_site()
    operator = site.operator
    admin = f.make_staff(operator=operator)
    from django.contrib.auth.models import Permission

    admin.user_permissions.set(Permission.objects.all())
    tenant = Tenant(operator, admin)
    driver = f.make_driver(balance_fen=5_000, operator=operator)
    order = make_order(site, driver)
    group = f.StationGroupFactory(operator=operator)
    site.station.group = group
    site.station.save()
    record = f.TransactionRecordFactory(pile=site.pile)
    now = timezone.now()
    place = {"operator": operator, "station": site.station, "pile": site.pile}
    ledger.account_of(Account.Kind.OPERATOR_SERVICE, operator=operator)
    money = ledger.account_of(Account.Kind.OPERATOR_ELECTRICITY, operator=operator)
    ledger.post(
        key=f"test-{order.pk}",
        kind="correction",
        lines=[(money, 100), (ledger.wallet_of(driver), -100)],
        actor=system("tests"),
        order=order,
    )
    enterprise = f.EnterpriseFactory(operator=operator)
    card = f.CardFactory(operator=operator)
    sold = ledger.post(
        key=f"month:{card.pk}:tests",
        kind="month_card",
        lines=[
            (ledger.account_of(Account.Kind.OPERATOR_MONTH_CARDS, operator=operator), 100),
            (ledger.account_of(Account.Kind.MANUAL_TOPUP), -100),
        ],
        actor=system("tests"),
    )
    tenant.add(
        MonthSale.objects.create(
            card=card,
            operator=operator,
            amount_fen=100,
            valid_from=now.date(),
            valid_until=now.date(),
            sold_at=now,
            journal=sold,
        ),
        enterprise,
        card,
        EnterpriseMember.objects.create(enterprise=enterprise, operator=operator, driver=driver),
        f.VehicleFactory(enterprise=enterprise),
        WhitelistEntry.objects.create(operator=operator, card=card, limit_fen=10_000, reason="tests"),
        tag := DriverTag.objects.create(operator=operator, name="Tag"),
        level := MemberLevel.objects.create(operator=operator, tag=tag, least=1),
        Membership.objects.create(
            operator=operator, driver=driver, level=level, counted=1, since=now, looked_at=now
        ),
    )
    tenant.add(*make_finance(site, order))
    payment = Payment.objects.create(
        out_trade_no=f"P{order.pk}", channel="wechat", way="native", driver=driver, operator=operator,
        amount_fen=100, created_at=now, expires_at=now,
    )  # fmt: skip
    tenant.add(
        payment,
        PaymentNotice.objects.create(
            channel="wechat", notice_id=f"n{order.pk}", number="x", payment=payment, received_at=now
        ),
        Refund.objects.create(
            refund_no=f"R{order.pk}",
            driver=driver,
            operator=operator,
            amount_fen=100,
            requested_at=now,
            requested_by_key="tests",
        ),
        operator,
        admin,
        driver,
        group,
        site.station,
        site.pile,
        site.connector,
        site.tariff,
        site.version,
        order,
        Booking.objects.create(
            booking_no=f"B{order.pk}",
            connector=site.connector,
            driver=driver,
            state="active",
            created_at=now,
            expires_at=now + timedelta(hours=1),
            **place,
        ),
        OrderFee.objects.create(
            order=order,
            kind="occupancy",
            state="settled",
            connector=site.connector,
            driver=driver,
            began_at=now,
            ended_at=now,
            amount_fen=100,
            rule={"kind": "occupancy", "fen": 100},
            **place,
        ),
        Discount.objects.create(
            name=f"D{order.pk}", operator=operator, off_bp=500, fees=["service"], valid_from=now
        ),
        ChargingStrategy.objects.create(operator=operator, name=f"S{order.pk}"),
        *make_coupons(operator, driver),
        RechargeBonus.objects.create(
            payment=payment,
            offer=RechargeOffer.objects.create(
                name=f"O{order.pk}", least_fen=1, bonus_fen=1, opens_at=now, closes_at=now + timedelta(days=1)
            ),
            driver=driver,
            nth=1,
            bonus_fen=1,
            given_at=now,
        ),
        record,
        money,
        money.entries.get(),
        site.pile.sessions.get(),
        f.DeviceCommandFactory(pile=site.pile),
        f.DeviceTransactionFactory(pile=site.pile),
        f.FrameLogFactory(pile=site.pile),
        f.BayLockFactory(pile=site.pile, alarm="stuck"),
        f.ReportedVehicleFactory(pile=site.pile),
        f.VehicleReportFactory(pile=site.pile),
        f.MeterSampleFactory(pile=site.pile),
        BoxCashDay.objects.create(day=now.date(), coins_fen=100, **place),
        Sensor.objects.create(code="s1", kind="smoke", reported_at=now, **place),
        CashCounter.objects.create(coins_fen_total=100, reported_at=now, **place),
        PileMeterDay.objects.create(
            day=now.date(), first_kwh=1, last_kwh=2, first_at=now, last_at=now, **place
        ),
        *make_held(site),
        ScoreOrder.objects.create(
            number=f"S{order.pk}",
            driver=driver,
            connector=site.connector,
            openid="o",
            fund_fen=100,
            rule="x",
            created_at=now,
            **place,
        ),
        ScorePermission.objects.create(driver=driver, operator=operator, code=f"A{order.pk}", created_at=now),
        PaidStart.objects.create(
            payment=payment, driver=driver, connector=site.connector, created_at=now, **place
        ),
        ReviewItem.objects.create(kind="order", order=order, key=f"order:{order.pk}", opened_at=now, **place),
        alert := Alert.objects.create(kind="fault", code="E07", opened_at=now, connector_no=1, **place),
        AlertMessage.objects.create(
            alert=alert,
            operator=operator,
            station=site.station,
            phone="13900000000",
            created_at=now,
            due_at=now,
        ),
        audit.record(actor=system("tests"), action="tests.touch", target=site.station),
    )
    return tenant


def make_coupons(operator: Any, driver: Any) -> list[Any]:
    """A campaign of an operator, and a coupon of it."""
    now = timezone.now()
    campaign = CouponCampaign.objects.create(
        name=f"C{driver.pk}", operator=operator, off_fen=500, opens_at=now, closes_at=now + timedelta(days=1),
        total=9, issued=1,
    )  # fmt: skip
    coupon = Coupon.objects.create(
        code=f"{driver.pk:012d}", campaign=campaign, operator=operator, driver=driver, nth=1, claimed_at=now,
        expires_at=now + timedelta(days=1),
    )  # fmt: skip
    return [campaign, coupon]


def make_held(site: f.Site) -> list[Any]:
    """A row of every model of what piles hold and tell by their own account."""
    place = {"operator": site.operator, "station": site.station, "pile": site.pile}
    now, code = timezone.now(), site.pile.code
    later = now + timedelta(days=1)
    firmware = FirmwareFile.objects.create(
        model=f.PileModelFactory(),
        version=code,
        file="firmware/x.bin",
        size_bytes=1,
        sha256="0",
        added_at=now,
    )
    campaign = FirmwareCampaign.objects.create(
        operator=site.operator, firmware=firmware, name=f"C{code}", created_at=now
    )
    parameter_set = ParameterSet.objects.create(
        operator=site.operator, model=firmware.model, name=f"P{code}", values={"A": "1"}, changed_at=now
    )
    return [
        campaign,
        parameter_set,
        ParameterCheck.objects.create(
            parameter_set=parameter_set, state="different", asked_at=now, **place,
            findings=[{"path": "A", "wanted": "1", "held": "2", "verdict": "different", "answer": ""}],
        ),
        FirmwareTarget.objects.create(campaign=campaign, changed_at=now, **place),
        IssuedCertificate.objects.create(
            serial_no=code, fingerprint=code, common_name=code, pem="-", not_before=now, not_after=later,
            issued_at=now, **place,
        ),
        DeviceVariable.objects.create(path="HeartbeatInterval", value="30", reported_at=now, **place),
        HeldProfile.objects.create(
            profile_id=1, purpose="TxProfile", profile_kind="Absolute", unit="A", set_at=now,
            periods=[{"start_s": 0, "limit": 16}], **place,
        ),
        LocalList.objects.create(version=1, entries={"TAG": {"status": "Accepted"}}, **place),
        HeldItem.objects.create(kind="message", key="1", data={"content": "hello"}, reported_at=now, **place),
        PileNotice.objects.create(
            kind="security", code="InvalidMessages", happened_at=now, received_at=now, digest=code, **place
        ),
        Reservation.objects.create(id_tag="TAG", created_at=now, expires_at=later, **place),
        PileUpload.objects.create(
            command=f.DeviceCommandFactory(pile=site.pile, connector_no=9), secret_digest=code, created_at=now,
            expires_at=later, **place,
        ),
    ]  # fmt: skip


def make_finance(site: f.Site, order: ChargingOrder) -> list[Any]:
    """A row of every model of clearing and settlement."""
    operator, now = site.operator, timezone.now()
    rule = ClearingRule.objects.create(
        operator=operator, number=1, effective_at=f.LONG_AGO, terms={}, published_by="x", published_at=now
    )
    payee = payees.operator_payee(operator)
    record = ClearingRecord.objects.create(
        journal=order.journals.first(),
        order=order,
        operator=operator,
        station=site.station,
        pile=site.pile,
        kind="settlement",
        day=now.date(),
        gross_fen=100,
        cleared_at=now,
    )
    record.lines.create(
        fee_kind="electricity", role="share", payee=payee, amount_fen=100, day=record.day, operator=operator
    )
    proposal = Proposal.objects.create(
        kind="order_refund",
        operator=operator,
        payload={"order_no": order.order_no, "amounts": {"service": 100}},
        reason="x",
        requested_at=now,
        requested_by_key="x",
    )
    statement = Statement.objects.create(
        number=f"S{order.pk}", payee=payee, operator=operator, day_from=now.date(), day_to=now.date(),
        shares_fen=100, payout_fen=100, created_at=now,
    )  # fmt: skip
    account = PayoutAccount.objects.create(
        payee=payee, operator=operator, channel="bank", identity=f"6222{order.pk:012d}", real_name="X",
        bound_by_key="x", bound_at=now,
    )  # fmt: skip
    contract = ServiceContract.objects.create(
        operator=operator, kind="yearly", amount_fen=100, starts_on=now.date(), ends_on=now.date(),
        created_by="x", created_at=now,
    )  # fmt: skip
    return [
        rule, payee, record, proposal, statement, account, contract,
        FinanceTerms.objects.create(operator=operator, number=1, published_by="x", published_at=now),
        InvoiceTerms.objects.create(
            operator=operator, number=1, seller_name="X", seller_tax_no="91310000MA1FL0000X", published_by="x",
            published_at=now,
        ),
        Invoice.objects.create(
            number=f"F{order.pk}", operator=operator, driver=order.driver, buyer_kind="individual",
            buyer_name=f"B{order.pk}", gross_fen=113, net_fen=100, tax_fen=13, requested_at=now, requested_by_key="x",
        ),
        SettlementItem.objects.create(
            key=f"i{order.pk}", payee=payee, operator=operator, kind="adjustment", amount_fen=1, day=now.date(),
            journal=order.journals.first(), created_at=now,
        ),
        Payout.objects.create(
            number=f"O{order.pk}", statement=statement, payee=payee, operator=operator, account=account,
            channel="bank", amount_fen=100, created_at=now,
        ),
    ]  # fmt: skip


def make_order(site: f.Site, driver: Any, **fields: Any) -> ChargingOrder:
    """A settled order of 10 kWh; give fields to change it."""
    now = timezone.now()
    order = ChargingOrder.objects.create(
        **{
            "order_no": f"T{now:%H%M%S%f}{site.pile.pk}",
            "operator": site.operator,
            "station": site.station,
            "pile": site.pile,
            "connector": site.connector,
            "driver": driver,
            "start_method": "code",
            "state": "settled",
            "transaction_ref": f"{site.pile.code}01{now:%y%m%d%H%M%S}0001",
            "tariff_version": site.version,
            "tariff_snapshot": snapshot_of(site.version).to_json(),
            "created_at": now,
            "started_at": now,
            "settled_at": now,
            "energy_kwh": Decimal("10"),
            "electricity_fen": 700,
            "service_fen": 400,
            "total_fen": 1100,
            **fields,
        }
    )
    OrderEvent.objects.create(order=order, at=now, kind="created", to_state="starting")
    return order
