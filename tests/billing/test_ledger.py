"""The ledger: balanced, repeatable, guarded by the database itself."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import Account, Entry, Hold, Journal
from billing.services import checks, ledger
from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.billing.flow import in_threads
from tests.factories import DriverFactory, OperatorFactory, make_driver, make_staff, staff_actor
from users.actors import of_driver, of_staff

ACTOR = system("tests")


def top_up(driver, amount_fen, key="k1", actor=ACTOR):
    return ledger.top_up(
        actor=actor, driver=driver, amount_fen=amount_fen, reason="cash", idempotency_key=key
    )


@pytest.mark.django_db
@pytest.mark.embedded
class TestTopUp:
    def test_moves_money_between_two_accounts(self):
        driver = DriverFactory()
        journal = top_up(driver, 5_000)
        assert sorted(journal.entries.values_list("amount_fen", flat=True)) == [-5_000, 5_000]
        assert ledger.wallet_of(driver).balance_fen == 5_000
        assert sum(Account.objects.values_list("balance_fen", flat=True)) == 0

    def test_the_same_key_posts_once(self):
        driver = DriverFactory()
        assert top_up(driver, 5_000) == top_up(driver, 5_000)
        assert ledger.wallet_of(driver).balance_fen == 5_000
        assert AuditEvent.objects.filter(action="billing.top_up").count() == 1

    def test_the_same_key_for_another_amount_is_refused(self):
        driver = DriverFactory()
        top_up(driver, 5_000)
        with pytest.raises(DomainError) as refusal:
            top_up(driver, 6_000)
        assert refusal.value.code == "idempotency_conflict"
        assert ledger.wallet_of(driver).balance_fen == 5_000

    def test_pays_arrears_first(self):
        driver, operator = DriverFactory(), OperatorFactory()
        arrears = ledger.account_of(Account.Kind.ARREARS, driver=driver)
        income = ledger.account_of(Account.Kind.OPERATOR_SERVICE, operator=operator)
        ledger.post(key="d", kind="settlement", lines=[(arrears, -700), (income, 700)], actor=ACTOR)
        assert ledger.arrears_fen(driver) == 700
        top_up(driver, 500, key="a")
        assert (ledger.arrears_fen(driver), ledger.wallet_of(driver).balance_fen) == (200, 0)
        top_up(driver, 500, key="b")
        assert (ledger.arrears_fen(driver), ledger.wallet_of(driver).balance_fen) == (0, 300)
        assert Journal.objects.filter(kind=Journal.Kind.ARREARS_PAYMENT).count() == 2

    @pytest.mark.parametrize("amount", [0, -1, 10_000_001, True, 1.5])
    def test_a_wrong_amount_names_what_is_accepted_and_changes_nothing(self, amount):
        driver = DriverFactory()
        with pytest.raises(DomainError) as refusal:
            top_up(driver, amount)
        assert refusal.value.code == "amount_invalid" and refusal.value.field == "amount_fen"
        assert not Journal.objects.exists() and not AuditEvent.objects.exists()

    @pytest.mark.promise(10)
    def test_needs_the_permission_and_a_reason_and_is_audited(self):
        driver = make_driver(balance_fen=0)
        for actor in (of_staff(make_staff("billing.view_entry")), of_driver(driver)):
            with pytest.raises(DomainError) as refusal:
                top_up(driver, 100, actor=actor)
            assert refusal.value.code == "permission_denied"
        cashier = staff_actor("billing.top_up")
        with pytest.raises(DomainError):
            ledger.top_up(actor=cashier, driver=driver, amount_fen=1, reason=" ", idempotency_key="x")
        assert not Journal.objects.exists()
        top_up(driver, 100, actor=cashier)
        event = AuditEvent.objects.get(action="billing.top_up")
        assert (event.actor_id, event.reason) == (cashier.id, "cash")
        assert (event.before["balance_fen"], event.after["balance_fen"]) == (0, 100)


@pytest.mark.django_db
@pytest.mark.embedded
@pytest.mark.promise(6)
class TestGuards:
    def test_a_journal_has_to_balance(self):
        wallet = ledger.wallet_of(DriverFactory())
        source = ledger.account_of(Account.Kind.MANUAL_TOPUP)
        with pytest.raises(ValueError, match="sum to zero"):
            ledger.post(key="x", kind="topup", lines=[(source, -5), (wallet, 4)], actor=ACTOR)
        assert not Journal.objects.exists()

    def test_a_wallet_cannot_go_below_its_holds(self):
        driver = make_driver(balance_fen=1_000)
        wallet = ledger.wallet_of(driver)
        Account.objects.filter(pk=wallet.pk).update(held_fen=800)
        source = ledger.account_of(Account.Kind.MANUAL_TOPUP)
        with pytest.raises(IntegrityError), transaction.atomic():
            ledger.post(key="x", kind="correction", lines=[(wallet, -300), (source, 300)], actor=ACTOR)

    @pytest.mark.parametrize("model", [Entry, Journal])
    @pytest.mark.parametrize("verb", ["update", "delete"])
    def test_what_is_posted_never_changes(self, model, verb):
        make_driver(balance_fen=1_000)
        rows = model.objects.order_by("-pk")[:1].values_list("pk", flat=True)
        row = model.objects.filter(pk=rows[0])
        change = {"memo": "x"} if model is Journal else {"amount_fen": 7}
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            row.update(**change) if verb == "update" else row._raw_delete(row.db)
        assert model.objects.filter(pk=rows[0]).exists()


@pytest.mark.django_db
@pytest.mark.embedded
@pytest.mark.promise(6)
def test_a_journal_that_does_not_balance_is_refused_or_found():
    """PostgreSQL refuses it when the transaction ends; SQLite cannot, and the check finds it."""
    driver = make_driver(balance_fen=1_000)
    journal = Journal.objects.create(
        idempotency_key="forged", kind="topup", actor_key="x", at=Journal.objects.first().at
    )
    wallet = ledger.wallet_of(driver)

    def forge():
        Entry.objects.create(
            journal=journal, account=wallet, amount_fen=5, balance_after_fen=1_005, at=journal.at
        )

    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError, match="sums to"), transaction.atomic():
            forge()
            connection.check_constraints()
        assert not journal.entries.exists()
    else:
        forge()
        codes = {problem.code for problem in checks.ledger_problems()}
        assert {"journal_unbalanced", "ledger_not_zero", "balance_differs"} <= codes


@pytest.mark.django_db(transaction=True)
@pytest.mark.embedded
@pytest.mark.promise(6)
class TestRaces:
    def test_the_same_top_up_from_many_threads_posts_once(self):
        driver = DriverFactory()
        results = in_threads(8, lambda n: top_up(driver, 1_000, key="same").pk)
        assert len(set(results)) == 1, results
        assert ledger.wallet_of(driver).balance_fen == 1_000

    def test_many_top_ups_at_once_all_count(self):
        driver = DriverFactory()
        results = in_threads(10, lambda n: top_up(driver, 100 + n, key=f"k{n}").pk)
        assert len(set(results)) == 10, results
        wallet = ledger.wallet_of(driver)
        assert wallet.balance_fen == sum(100 + n for n in range(10))
        assert wallet.balance_fen == sum(wallet.entries.values_list("amount_fen", flat=True))
        assert not Hold.objects.exists()
