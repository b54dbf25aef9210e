"""Starting, watching and stopping one's own charging."""

import json
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.codes import CodeGuard
from billing.api.serializers import (
    ExtendSerializer,
    OrderDetailSerializer,
    OrderPageSerializer,
    OrderSerializer,
    StartSerializer,
)
from billing.models import ChargingOrder
from billing.models.order import OPEN_STATES
from billing.selectors import order_get, order_list
from billing.services import extensions, orders
from billing.services.targets import Targets
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import idempotency
from users.api.base import DriverView, read
from users.api.paging import CursorField, LimitField, encode_cursor
from users.api.schema import describe
from users.models import Driver
from users.selectors import card_get, paying_enterprises

LONGEST_KEY = 64
LIMITS = ("energy_kwh", "seconds", "soc_pct", "power_kw")
IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    type=OpenApiTypes.STR,
    location=OpenApiParameter.HEADER,
    required=False,
    description="At most 64 characters; a repeat with the same key gets the first answer and starts nothing.",
)


def order_json(order: ChargingOrder) -> dict[str, Any]:
    """An order as plain JSON values, for the live socket and for stored answers."""
    return json.loads(JSONRenderer().render(OrderSerializer(order).data))


def targets_of(data: dict[str, Any]) -> Targets | None:
    """The limits of a start; None without any. Raises `target_invalid` naming the field."""
    wanted = {name: data[name] for name in LIMITS if data[name] is not None}
    return Targets.from_json({**wanted, "fen": data["limit_fen"]}) if wanted else None


def once(
    view: DriverView, request: Request, what: str, data: dict[str, Any], action: Callable[[], tuple[int, Any]]
) -> tuple[int, Any]:
    """Run an action once per `Idempotency-Key` of the request; without a key each time. Raises `invalid`."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY:
        reason = _("at most %(longest)s characters are accepted.") % {"longest": LONGEST_KEY}
        raise DomainError("invalid", {"field": "Idempotency-Key", "reason": reason}, field="Idempotency-Key")
    if not key:
        return action()
    return idempotency.run_once(
        owner=view.actor.key,
        key=key,
        request_fingerprint=idempotency.fingerprint(what, data),
        action=action,
    )


def payer_of(actor: Actor, driver: Driver, data: dict[str, Any]) -> dict[str, Any]:
    """Who pays for a start; raises `enterprise_unknown`, `card_unknown`, `payer_choice`."""
    if data["enterprise"] is not None and data["card_no"]:
        raise DomainError("payer_choice", field="enterprise")
    if data["card_no"]:
        card = card_get(actor=actor, number=data["card_no"])
        if card.driver_id != driver.pk:
            raise DomainError("card_unknown", {"number": data["card_no"]}, field="card_no")
        return {"card": card}
    if data["enterprise"] is None:
        return {}
    enterprise = paying_enterprises(driver=driver).filter(pk=data["enterprise"]).first()
    if enterprise is None:
        raise DomainError("enterprise_unknown", {"code": data["enterprise"]}, field="enterprise")
    return {"enterprise": enterprise}


class OrderQuerySerializer(serializers.Serializer):
    running = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only running orders, or only ended ones."
    )
    cursor = CursorField(length=1)
    limit = LimitField()


class OrderListView(DriverView):
    """My orders, and the start of a new one."""

    @describe(
        operation_id="orders_list",
        summary="My orders",
        description="Newest first.",
        parameters=[OrderQuerySerializer],
        responses={200: OrderPageSerializer},
        refuses=(400,),
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        query = read(OrderQuerySerializer, request.query_params)
        rows = order_list(actor=self.actor)
        if query["running"] is not None:
            running = {"state__in": OPEN_STATES}
            rows = rows.filter(**running) if query["running"] else rows.exclude(**running)
        if "cursor" in query:
            rows = rows.filter(pk__lt=query["cursor"][0])
        limit = query["limit"]
        found = list(rows[: limit + 1])
        page = found[:limit]
        following = encode_cursor(page[-1].pk) if len(found) > limit else None
        return Response(OrderPageSerializer({"results": page, "next": following}).data)

    @describe(
        operation_id="orders_start",
        summary="Start charging",
        description=(
            "Opens an order, holds money and sends the start command. The order is `starting` until the pile "
            "charges, and `closed` when it refuses or stays silent."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=StartSerializer,
        responses={201: OrderSerializer},
        refuses=(400, 402, 403, 404, 409, 429),
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        data = read(StartSerializer, request.data)

        def start() -> tuple[int, Any]:
            order = orders.start_order(
                actor=self.actor,
                connector_code=data["connector_code"],
                driver=self.driver,
                limit_fen=data["limit_fen"],
                targets=targets_of(data),
                package_fen=data["package_fen"],
                coupon=data["coupon"],
                **payer_of(self.actor, self.driver, data),
            )
            return status.HTTP_201_CREATED, order_json(order)

        with CodeGuard(self.driver):
            code, body = once(self, request, "start", dict(data), start)
        return Response(body, status=code)


class OrderView(DriverView):
    """One of my orders."""

    @describe(
        operation_id="orders_get",
        summary="One order",
        description="Live figures while it runs; the lines of the bill once it is settled.",
        responses={200: OrderDetailSerializer},
        refuses=(404,),
        tags=["orders"],
    )
    def get(self, request: Request, order_no: str) -> Response:
        return Response(OrderDetailSerializer(order_get(actor=self.actor, order_no=order_no)).data)


class OrderExtendView(DriverView):
    """Buy more on one of my orders that is charging."""

    @describe(
        operation_id="orders_extend",
        summary="Add time or money",
        description=(
            "The same order goes on with what is added; e-bike boxes are told the new end. What is not used in the "
            "end is not charged. Needs a pile that can change a running charge."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=ExtendSerializer,
        responses={200: OrderSerializer},
        refuses=(400, 402, 403, 404, 409),
        tags=["orders"],
    )
    def post(self, request: Request, order_no: str) -> Response:
        data = read(ExtendSerializer, request.data)

        def extend() -> tuple[int, Any]:
            extensions.extend_order(actor=self.actor, order_no=order_no, **data)
            return status.HTTP_200_OK, order_json(order_get(actor=self.actor, order_no=order_no))

        code, body = once(self, request, "extend", {"order_no": order_no, **data}, extend)
        return Response(body, status=code)


class OrderStopView(DriverView):
    """Stop one of my orders."""

    @describe(
        operation_id="orders_stop",
        summary="Stop charging",
        description="Sends the stop command; the order ends when the pile has reported.",
        request=None,
        responses={202: OrderSerializer},
        refuses=(404, 409),
        tags=["orders"],
    )
    def post(self, request: Request, order_no: str) -> Response:
        orders.stop_order(actor=self.actor, order_no=order_no, reason="driver")
        body = OrderSerializer(order_get(actor=self.actor, order_no=order_no)).data
        return Response(body, status=status.HTTP_202_ACCEPTED)
