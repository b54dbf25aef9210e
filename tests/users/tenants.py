"""Two tenants with one row of every kind, for the tests that walk all models."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from alerts.models import Alert
from billing.models import Account, ChargingOrder, OrderEvent, Payment, PaymentNotice, Refund, ReviewItem
from billing.services import ledger
from billing.services.tariffs import snapshot_of
from kernel.actor import system
from kernel.services import audit
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
    tenant.add(
        enterprise,
        card,
        EnterpriseMember.objects.create(enterprise=enterprise, operator=operator, driver=driver),
        f.VehicleFactory(enterprise=enterprise),
        WhitelistEntry.objects.create(operator=operator, card=card, limit_fen=10_000, reason="tests"),
        DriverTag.objects.create(operator=operator, name="Tag"),
    )
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
        record,
        money,
        money.entries.get(),
        site.pile.sessions.get(),
        f.DeviceCommandFactory(pile=site.pile),
        f.DeviceTransactionFactory(pile=site.pile),
        f.FrameLogFactory(pile=site.pile),
        f.MeterSampleFactory(pile=site.pile),
        ReviewItem.objects.create(kind="order", order=order, key=f"order:{order.pk}", opened_at=now, **place),
        Alert.objects.create(kind="fault", code="E07", opened_at=now, connector_no=1, **place),
        audit.record(actor=system("tests"), action="tests.touch", target=site.station),
    )
    return tenant


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
