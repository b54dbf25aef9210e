"""Operators and drivers through their services: who may, what is refused, what the audit trail keeps."""

import threading

import pytest
from django.db import connection

from kernel.actor import system
from kernel.errors import DomainError
from kernel.models import AuditEvent
from tests.api_client import fresh_phone
from tests.factories import DriverFactory, OperatorFactory, staff_actor
from users.actors import of_driver
from users.models import Driver, Operator
from users.services import drivers, operators, tokens

SYSTEM = system("tests")


def refusal(call, **kwargs) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call(**kwargs)
    return caught.value


@pytest.mark.django_db
@pytest.mark.promise(10)
def test_an_operator_is_created_and_audited():
    operator = operators.create_operator(actor=SYSTEM, code=" hf ", name="Hefei")
    event = AuditEvent.objects.get(action="users.create_operator")
    assert (operator.code, event.target_id, event.tenant_id) == ("hf", str(operator.pk), operator.pk)
    assert event.after == {"code": "hf", "name": "Hefei"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": "has blank"}, "invalid", "code"),
        ({"code": ""}, "invalid", "code"),
        ({"name": ""}, "invalid", "name"),
        ({"name": "x" * 65}, "invalid", "name"),
        ({"code": "taken"}, "operator_code_taken", "code"),
    ],
)
def test_a_wrong_operator_is_refused_by_field(changes, code, field):
    OperatorFactory(code="taken")
    error = refusal(operators.create_operator, actor=SYSTEM, **{"code": "new", "name": "New", **changes})
    assert (error.code, error.field) == (code, field)
    assert Operator.objects.count() == 1
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_staff_need_the_permission_and_the_scope():
    own, other = OperatorFactory(), OperatorFactory()
    helper = staff_actor("users.change_operator", operator=own)
    assert refusal(operators.create_operator, actor=helper, code="x", name="X").code == "permission_denied"
    operators.update_operator(actor=helper, operator=own, changes={"name": "Mine"})
    assert (
        refusal(operators.update_operator, actor=helper, operator=other, changes={"name": "Mine"}).code
        == "not_found"
    )
    other.refresh_from_db()
    assert other.name != "Mine"


@pytest.mark.django_db
def test_an_operators_code_is_for_ever():
    operator = OperatorFactory(code="first")
    error = refusal(operators.update_operator, actor=SYSTEM, operator=operator, changes={"code": "second"})
    assert (error.code, error.field) == ("invalid", "code")


@pytest.mark.django_db
@pytest.mark.promise(10)
def test_a_change_is_audited_with_before_and_after():
    operator = OperatorFactory(name="Old")
    operators.update_operator(actor=SYSTEM, operator=operator, changes={"name": "New", "contact": ""})
    event = AuditEvent.objects.get(action="users.update_operator")
    assert (event.before, event.after) == ({"name": "Old"}, {"name": "New"})


@pytest.mark.django_db
def test_a_phone_belongs_to_one_driver():
    phone = fresh_phone()
    first = drivers.register_driver(actor=SYSTEM, phone=phone, name="One")
    assert refusal(drivers.register_driver, actor=SYSTEM, phone=phone).code == "phone_taken"
    again = drivers.register_driver(actor=SYSTEM, phone=f"+86{phone}", name="Two", get_existing=True)
    assert (again, again.name) == (first, "One")


@pytest.mark.django_db
def test_nobody_registers_under_a_foreign_or_disabled_operator():
    own, other = OperatorFactory(), OperatorFactory()
    helper = staff_actor("users.add_driver", operator=own)
    error = refusal(drivers.register_driver, actor=helper, phone=fresh_phone(), operator=other)
    assert error.code == "not_found"
    closed = OperatorFactory(is_active=False)
    error = refusal(drivers.register_driver, actor=SYSTEM, phone=fresh_phone(), operator=closed)
    assert error.code == "operator_inactive"
    assert not Driver.objects.exists()


@pytest.mark.django_db
@pytest.mark.promise(10)
def test_freezing_needs_a_reason_and_is_audited_once():
    driver = DriverFactory()
    assert (
        refusal(drivers.set_frozen, actor=SYSTEM, driver=driver, frozen=True, reason=" ").code
        == "reason_required"
    )
    for _i in range(2):
        driver = drivers.set_frozen(actor=SYSTEM, driver=driver, frozen=True, reason="stolen phone")
    assert driver.is_frozen
    assert AuditEvent.objects.get(action="users.freeze_driver").reason == "stolen phone"


@pytest.mark.django_db
def test_a_driver_issues_and_revokes_for_nobody_else():
    me, other = DriverFactory(), DriverFactory()
    assert refusal(tokens.issue_token, actor=of_driver(me), driver=other).code == "permission_denied"
    theirs = tokens.token_of(tokens.issue_token(actor=of_driver(other), driver=other))
    assert refusal(tokens.revoke_token, actor=of_driver(me), token=theirs).code == "permission_denied"
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.embedded
def test_two_logins_of_a_new_phone_make_one_driver():
    phone, found, errors = fresh_phone(), [], []
    barrier = threading.Barrier(4)

    def run():
        try:
            barrier.wait(timeout=10)
            found.append(drivers.register_driver(actor=SYSTEM, phone=phone, get_existing=True).pk)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert errors == []
    assert len(found) == 4
    assert len(set(found)) == 1
    assert Driver.objects.filter(phone=phone).count() == 1
