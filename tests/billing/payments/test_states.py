"""The tables of payment, refund and part; their drawings; and the checks that count everything again."""

import re
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import Account, Payment, Refund, RefundPart, ScoreOrder
from billing.payment_words import EVENTS, REASONS, event_words, reason_words
from billing.services.payment_checks import payment_problems
from billing.services.payment_states import (
    PART_STATES,
    PAYMENT_STATES,
    REFUND_STATES,
    move_payment,
)
from billing.services.score_states import SCORE_STATES
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing.payments.desk import ask_refund, assert_books_balance
from tests.factories import DriverFactory

DOC = Path(__file__).parents[3] / "docs" / "payments.md"
MACHINES = (
    (PAYMENT_STATES, Payment.State),
    (REFUND_STATES, Refund.State),
    (PART_STATES, RefundPart.State),
    (SCORE_STATES, ScoreOrder.State),
)


def test_the_drawings_in_the_docs_are_the_tables():
    drawn = [text.strip() for text in re.findall(r"```mermaid\n(.*?)```", DOC.read_text("utf-8"), re.S)]
    assert drawn == [machine.mermaid().strip() for machine, _states in MACHINES]


@pytest.mark.parametrize(("machine", "states"), MACHINES)
def test_every_state_of_the_model_is_in_the_table(machine, states):
    assert machine.states == set(states.values)


def test_every_event_and_reason_has_its_words():
    assert PAYMENT_STATES.events | REFUND_STATES.events <= set(EVENTS)
    params = {"number": "1", "currency": "USD", "expected_fen": 1, "paid_fen": None}
    for code in REASONS:
        assert "%" not in reason_words({"code": code, "params": params})
    assert event_words("unheard_of") == "unheard_of" and reason_words({"code": "x"}) == "x"


def new_payment(**changes) -> Payment:
    now = timezone.now()
    fields = {
        "out_trade_no": "P1",
        "channel": "wechat",
        "way": "native",
        "driver": changes.pop("driver", None) or DriverFactory(),
        "amount_fen": 100,
        "created_at": now,
        "expires_at": now,
    }
    return Payment.objects.create(**{**fields, **changes})


@pytest.mark.django_db
class TestGuards:
    def test_an_illegal_move_raises_is_logged_and_changes_nothing(self, caplog):
        payment = new_payment()
        with pytest.raises(DomainError, match="payment"):
            move_payment(payment, "dismissed", system("tests"))
        assert "no move from created by dismissed" in caplog.text
        payment.refresh_from_db()
        assert (payment.state, payment.version) == ("created", 0)

    @pytest.mark.parametrize(
        "changes",
        [
            {"state": "succeeded"},
            {"state": "stolen"},
            {"amount_fen": 0},
            {"refunded_fen": 1},
            {"refunded_fen": 101, "paid_fen": 100},
            {"refunded_fen": -1, "paid_fen": 100},
        ],
    )
    def test_the_database_refuses_what_cannot_be(self, changes):
        with pytest.raises(IntegrityError), transaction.atomic():
            new_payment(**changes)

    def test_the_channels_number_is_unique(self):
        new_payment(provider_no="42")
        new_payment(out_trade_no="P2", provider_no="42", channel="alipay")
        with pytest.raises(IntegrityError), transaction.atomic():
            new_payment(out_trade_no="P3", provider_no="42")


def test_the_checks_find_what_a_hand_in_the_database_did(desk):
    driver = DriverFactory()
    payment = desk.paid(driver, 5_000)
    ask_refund(driver, 1_000)
    assert_books_balance()

    def codes():
        return {problem.code for problem in payment_problems()}

    rows = (
        (Payment.objects.filter(pk=payment.pk), "refunded_fen", 999, {"refunded_differs"}),
        (Payment.objects.filter(pk=payment.pk), "paid_fen", 4_000, {"channel_differs"}),
        (RefundPart.objects.all(), "amount_fen", 1_001, {"transit_differs", "refunded_differs"}),
        (Account.objects.filter(kind="channel_wechat"), "balance_fen", 0, {"channel_differs"}),
    )
    for found, field, wrong, expected in rows:
        right = found.values_list(field, flat=True).get()
        found.update(**{field: wrong})
        assert codes() == expected
        found.update(**{field: right})
    assert codes() == set()
