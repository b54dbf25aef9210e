"""The table of order states: drawn in the docs, without dead ends, the only way to move."""

import re
from pathlib import Path

import pytest

from billing.models import ChargingOrder
from billing.selectors import EVENT_TITLES
from billing.services.order_states import ORDER_STATES, move
from kernel.actor import system
from kernel.errors import DomainError
from tests.billing import flow
from tests.factories import make_site

DOC = Path(__file__).parents[2] / "docs" / "orders.md"


def test_the_drawing_in_the_docs_is_the_table():
    drawn = re.search(r"```mermaid\n(.*?)```", DOC.read_text(encoding="utf-8"), re.S).group(1)
    assert drawn.strip() == ORDER_STATES.mermaid().strip()


@pytest.mark.feature("ORD-07")
@pytest.mark.feature("FIN-10")
def test_every_state_of_the_model_is_in_the_table_and_leads_to_an_end():
    assert ORDER_STATES.states == set(ChargingOrder.State.values)
    ends = {"settled"}
    for state in ORDER_STATES.states - ends:
        reached, todo = {state}, [state]
        while todo:
            here = todo.pop()
            for (source, _event), target in ORDER_STATES.table.items():
                if source == here and target not in reached:
                    reached.add(target)
                    todo.append(target)
        assert ends & reached, state


def test_every_event_has_its_words():
    assert ORDER_STATES.events <= set(EVENT_TITLES)


@pytest.mark.django_db
@pytest.mark.embedded
def test_an_illegal_move_raises_is_logged_and_changes_nothing(caplog):
    order = flow.start(make_site())
    events = order.events.count()
    with pytest.raises(DomainError) as refusal:
        move(order, "end_seen", system("tests"))
    assert refusal.value.code == "illegal_transition"
    assert "no move from starting by end_seen" in caplog.text
    order.refresh_from_db()
    assert (order.state, order.version, order.events.count()) == ("starting", 0, events)


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_move_counts_the_version_and_writes_the_timeline():
    order = flow.start(make_site())
    move(order, "charging_seen", system("tests"), {"x": 1})
    order.refresh_from_db()
    event = order.events.last()
    assert (order.state, order.version) == ("charging", 1)
    assert (event.from_state, event.to_state, event.data) == ("starting", "charging", {"x": 1})
