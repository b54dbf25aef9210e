"""What a pile says during a session, as the device floor passes it on: for tests of orders and money.

Only real services of the device floor are called here; nothing of billing is reached around.
"""

import threading
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from billing.models import Account, ChargingOrder, Hold
from billing.services import orders, tariff_push
from devices import events
from devices.models import DeviceCommand, TransactionRecord
from devices.services import commands, presence, records, samples, status, transactions
from tests.factories import Site

S = ChargingOrder.State


def start(site: Site, *, connector=None, driver=None, actor=None, **options) -> ChargingOrder:
    driver = driver or site.driver
    from users.actors import of_driver

    return orders.start_order(
        actor=actor or of_driver(driver),
        connector_code=(connector or site.connector).code,
        driver=driver,
        **options,
    )


def last_command(order: ChargingOrder, kind: str = "start") -> DeviceCommand | None:
    return DeviceCommand.objects.filter(reference=order.order_no, kind=kind).order_by("-pk").first()


def answer(order: ChargingOrder, kind: str = "start", state: str = "accepted", reason: str = "") -> None:
    commands.complete_command(command_id=last_command(order, kind).pk, state=state, reason=reason)


def begin(site: Site, order: ChargingOrder, *, at: datetime | None = None, meter: str = "100.0000") -> None:
    """The pile proves that it charges: a 13 with the number (YKC), a StartTransaction with the tag (OCPP)."""
    order.refresh_from_db()
    at = at or timezone.now()
    if site.pile.protocol == "ykc":
        status.charge_started(
            events.ChargeStarted(
                pile=site.ref,
                connector_no=order.connector.number,
                at=at,
                transaction_ref=order.transaction_ref,
            )
        )
    else:
        transactions.start_transaction(
            pile=site.ref,
            connector_no=order.connector.number,
            id_tag=order.id_tag,
            started_at=at,
            meter_start_kwh=Decimal(meter),
            at=at,
        )
    order.refresh_from_db()


def charging(site: Site, **options) -> ChargingOrder:
    """An order that charges."""
    order = start(site, **options)
    answer(order)
    begin(site, order)
    assert order.state == S.CHARGING
    return order


def sample(
    site: Site, order: ChargingOrder, energy: str | None, *, at=None, power="60", soc=None, suspect=""
) -> None:
    samples.store_samples(
        [
            samples.StoredReading(
                events.MeterSampled(
                    pile=site.ref,
                    connector_no=order.connector.number,
                    at=at or timezone.now(),
                    transaction_ref=order.transaction_ref,
                    energy_kwh=None if energy is None else Decimal(energy),
                    power_kw=None if power is None else Decimal(power),
                    soc_pct=soc,
                    suspect=suspect,
                )
            )
        ]
    )
    order.refresh_from_db()


def report_state(site: Site, order: ChargingOrder, state: str, *, plugged=True) -> None:
    status.apply_status(
        pile=site.ref,
        connector_no=order.connector.number,
        state=state,
        at=timezone.now(),
        plugged=plugged,
        transaction_ref=order.transaction_ref,
    )
    order.refresh_from_db()


def reported(
    site: Site,
    order: ChargingOrder,
    energies: dict[str, str],
    *,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    transaction_ref: str | None = None,
    meter_start: str = "100.0000",
    **changes,
) -> records.ReportedTransaction:
    """A YKC record: {wire tier: kWh}, priced with the order's tariff as the pile would (cut to whole fen)."""
    tiers, total, amount = {}, Decimal(0), Decimal(0)
    prices = {
        tier["code"]: Decimal(tier["electricity_price"]) + Decimal(tier["service_price"])
        for tier in (order.held_snapshot or order.tariff_snapshot)["tiers"]
    }
    for name in ("sharp", "peak", "flat", "valley"):
        energy, price = Decimal(energies.get(name, "0")), prices.get(name, Decimal(0))
        cost = (energy * price).quantize(Decimal("0.0001"))
        tiers[name] = {
            "price": str(price),
            "energy_kwh": str(energy),
            "loss_energy_kwh": str(energy),
            "amount": str(cost),
        }
        total, amount = total + energy, amount + cost
    started_at = started_at or order.started_at or timezone.now()
    ref = order.transaction_ref if transaction_ref is None else transaction_ref
    fields = {
        "connector_no": order.connector.number,
        "protocol": "ykc",
        "identity": f"ykc:{site.pile.code}:{ref}",
        "transaction_ref": ref,
        "started_at": started_at,
        "ended_at": ended_at or max(timezone.now(), started_at),
        "energy_kwh": total,
        "meter_start_kwh": Decimal(meter_start),
        "meter_end_kwh": Decimal(meter_start) + total,
        "device_amount": amount,
        "tiers": tiers,
        "stop_reason": "by_app",
        "raw": "68A2",
    }
    return records.ReportedTransaction(**{**fields, **changes})


def ocpp_record(
    site: Site, order: ChargingOrder, *, meter_start: str, meter_end: str, started_at, ended_at
) -> records.ReportedTransaction:
    """A StopTransaction: two register values and nothing about tiers."""
    return records.ReportedTransaction(
        connector_no=order.connector.number,
        protocol="ocpp16",
        identity=f"ocpp16:{site.pile.code}:{order.connector.number}:{started_at.isoformat()}:{order.id_tag}",
        transaction_ref=order.transaction_ref,
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=Decimal(meter_end) - Decimal(meter_start),
        meter_start_kwh=Decimal(meter_start),
        meter_end_kwh=Decimal(meter_end),
        stop_reason="Remote",
        id_tag=order.id_tag,
        raw="[2]",
    )


def send_record(site: Site, record: records.ReportedTransaction) -> TransactionRecord:
    return records.store_record(pile=site.ref, reported=record)


def come_back(site: Site) -> None:
    """The pile logs in again, as after a restart of the gateway."""
    presence.open_session(
        pile_id=site.pile.pk, protocol=site.pile.protocol, channel="test.again!1", remote_address="127.0.0.1"
    )


def shift_into_past(order: ChargingOrder, delta: timedelta) -> None:
    """Let a session have begun earlier: sessions of minutes in tests of milliseconds."""
    ChargingOrder.objects.filter(pk=order.pk).update(
        created_at=order.created_at - delta,
        started_at=order.started_at - delta if order.started_at else None,
    )
    order.refresh_from_db()


def overdue(order: ChargingOrder) -> None:
    ChargingOrder.objects.filter(pk=order.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def money(driver) -> tuple[int, int, int]:
    """(wallet, held, arrears) in fen."""
    wallet = Account.objects.get(kind=Account.Kind.WALLET, driver=driver)
    arrears = Account.objects.filter(kind=Account.Kind.ARREARS, driver=driver).first()
    return wallet.balance_fen, wallet.held_fen, -arrears.balance_fen if arrears else 0


def assert_books_balance() -> None:
    """Every account is the sum of its entries, all of them are zero, holds are what active holds say."""
    for account in Account.objects.all():
        assert account.balance_fen == sum(account.entries.values_list("amount_fen", flat=True))
        active = account.holds.filter(state=Hold.State.ACTIVE).values_list("amount_fen", flat=True)
        of_bonus = account.bonus_holds.filter(state=Hold.State.ACTIVE).values_list("bonus_fen", flat=True)
        assert account.held_fen == sum(active) + sum(of_bonus)
    assert sum(Account.objects.values_list("balance_fen", flat=True)) == 0


def in_threads(count: int, work) -> list:
    """Run `work(n)` in `count` threads at once, each on its own connection; their results or exceptions."""
    barrier, results = threading.Barrier(count), [None] * count

    def run(number):
        try:
            barrier.wait(30)
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    return results


def in_one_transaction(work, *args, **kwargs):
    with transaction.atomic():
        return work(*args, **kwargs)


def publish(site: Site, *, slots=None, components=(), days=(), rules=(), held=True, **changes):
    """A new version of the site's tariff in force from now on, held by its pile: the factories' prices and more."""
    from billing.pricing import Tier
    from billing.services import tariffs
    from kernel.actor import system
    from tests.factories import DAY, PRICES

    version = tariffs.publish_version(
        actor=system("tests"),
        tariff=changes.pop("tariff", site.tariff),
        tiers=[Tier(code, Decimal(one), Decimal(two)) for code, one, two in changes.pop("prices", PRICES)],
        slots=slots or DAY,
        effective_at=changes.pop("effective_at", timezone.now()),
        components=components,
        days=days,
        rules=rules,
    )
    if held and site.pile.protocol == "ykc":
        tariff_push.confirm_held(
            pile=site.pile,
            version=version,
            profile=tariffs.profile_on(version, zone=site.station.time_zone, at=timezone.now()),
        )
    return version


def held_position(order: ChargingOrder) -> str:
    """The price position of the order's tariff at its start."""
    from zoneinfo import ZoneInfo

    from billing.services.evidence import snapshot_of_order

    snapshot = snapshot_of_order(order)
    return snapshot.tier_code_at(order.started_at.astimezone(ZoneInfo(snapshot.zone)))
