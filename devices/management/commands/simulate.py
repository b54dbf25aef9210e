"""`manage.py simulate`: simulated piles, cars and drivers against a running platform, from a process of their own.

Reads the database once at the start and only when asked to (`--demo`, `--register-station`); afterwards everything
goes over sockets and the driver API.
"""

import asyncio
import random
import signal
import time
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connections

from devices.simulators.demo import Demo, demo_password, register_kwh
from devices.simulators.dny import DnyBox
from devices.simulators.driver_app import DriverApp
from devices.simulators.faults import DNY, MQTT, OCPP, OCPP201, YKC, UnknownFault
from devices.simulators.fleet import Fleet, SimulatedPile, keep_cars_coming, soak
from devices.simulators.mqtt import MqttBox
from devices.simulators.ocpp16 import Ocpp16Pile
from devices.simulators.ocpp201 import Ocpp201Pile
from devices.simulators.ocppj.client import OcppPile
from devices.simulators.ykc import YkcPile
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand
from stations.models import Pile, Station
from stations.services import piles as pile_services
from users.models import Driver
from users.services.tokens import issue_token

FIRST_CODE = 99_000_000_000_001
_REPORT_S = 30.0


class Command(ServiceCommand):
    help = "Run simulated piles against a running platform until Ctrl-C or for --duration seconds."

    def add_options(self, parser: CommandParser) -> None:
        what = parser.add_argument_group("which piles")
        what.add_argument("--ykc", nargs="+", default=[], metavar="CODE", help="YKC piles by code")
        what.add_argument("--ocpp", nargs="+", default=[], metavar="CODE:PASSWORD", help="OCPP 1.6J piles")
        what.add_argument("--dny", nargs="+", default=[], metavar="CODE", help="DNY e-bike boxes by code")
        what.add_argument("--mqtt", nargs="+", default=[], metavar="CODE:PASSWORD", help="MQTT e-bike boxes")
        what.add_argument(
            "--ocpp201", nargs="+", default=[], metavar="CODE:PASSWORD", help="OCPP 2.0.1 piles"
        )
        what.add_argument(
            "--piles", type=int, default=0, metavar="N", help="N more YKC piles, from --first-code on"
        )
        what.add_argument(
            "--idle", type=int, default=0, metavar="N", help="soak: N YKC piles that only hold the link"
        )
        what.add_argument(
            "--first-code", type=int, default=FIRST_CODE, help="first code of --piles and --idle"
        )
        what.add_argument(
            "--register-station",
            metavar="CODE",
            help="register the piles of --piles and --idle that are missing",
        )
        what.add_argument(
            "--demo",
            action="store_true",
            help="the registered piles (of more than ten, one stays away), and drivers that come and go",
        )
        how = parser.add_argument_group("how they behave")
        how.add_argument(
            "--connectors", type=int, help="connectors per pile (default 1, of an e-bike box 10)"
        )
        how.add_argument("--rated-kw", type=float, default=60.0, help="power per connector (default 60)")
        how.add_argument("--ac", action="store_true", help="AC piles instead of DC")
        how.add_argument("--bay-locks", action="store_true", help="a ground lock at every connector (YKC)")
        how.add_argument("--no-cars", action="store_true", help="nobody plugs in")
        how.add_argument(
            "--charge-s", type=float, help="somebody stops each charge at the pile after so long"
        )
        how.add_argument(
            "--speed", type=float, default=1.0, help="charging runs faster by this factor (default 1)"
        )
        how.add_argument("--fault", nargs="+", default=[], metavar="NAME[=N]", help=_fault_help())
        how.add_argument(
            "--pace", type=float, default=1.0, help="demo: length of visits and pauses (default 1)"
        )
        where = parser.add_argument_group("where and how long")
        where.add_argument("--host", default=settings.EV_DEVICE_HOST, help="host of the device listeners")
        where.add_argument("--ykc-port", type=int, default=settings.EV_YKC_PORT)
        where.add_argument("--dny-port", type=int, default=settings.EV_DNY_PORT)
        where.add_argument(
            "--mqtt-url",
            default=settings.EV_MQTT_URL,
            metavar="URL",
            help="broker of --mqtt (default EV_MQTT_URL); each box is a user of its own there",
        )
        where.add_argument("--http-url", default=f"http://127.0.0.1:{settings.EV_HTTP_PORT}")
        where.add_argument(
            "--connect-rate",
            type=float,
            default=20.0,
            metavar="N",
            help="piles that dial per second (default 20)",
        )
        where.add_argument("--duration", type=float, metavar="S", help="end after this many seconds")
        where.add_argument("--watch-pid", type=int, help="soak: also report the memory of this process")
        where.add_argument("--seed", type=int, help="repeatable chance")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        self._quiet = options["json"]
        rng = random.Random(options["seed"])
        drivers: list[tuple[str, str]] = []
        options["ports"] = options["connectors"] or 10
        options["connectors"] = options["connectors"] or 1
        try:
            if options["demo"]:
                if settings.PRODUCTION:
                    raise Refused("not_in_production", "--demo does not run where EV_ENV=production")
                piles, drivers = self._demo_site(actor, options, rng)
            else:
                piles = self._named(options, rng) + self._numbered(actor, options, rng)
        except UnknownFault as error:
            raise Refused("unknown_fault", str(error)) from None
        if not piles:
            raise Refused(
                "no_piles",
                "name piles with --ykc, --ocpp, --ocpp201, --dny, --mqtt, --piles, --idle or --demo",
            )
        if options["demo"] or options["register_station"]:
            connections.close_all()  # the rest of this process needs no database
        return asyncio.run(self._simulate(piles, drivers, options, rng))

    def line(self, result: dict[str, Any]) -> str:
        names = ("piles", "online", "logins", "drops", "refusals", "charges_started", "charges_ended")
        return ", ".join(f"{name}={result[name]}" for name in (*names, "records_acknowledged"))

    # -- which piles

    def _ykc(self, code: str, options: dict[str, Any], rng: random.Random, **more: Any) -> YkcPile:
        settings_of_pile = {
            "connectors": options["connectors"],
            "rated_kw": options["rated_kw"],
            "dc": not options["ac"],
            "bay_locks": options["bay_locks"],
        } | more
        return YkcPile(
            code,
            host=options["host"],
            port=options["ykc_port"],
            speed=options["speed"],
            faults=_known(options, YKC),
            rng=random.Random(rng.random()),
            **settings_of_pile,
        )

    def _ocpp(
        self,
        code: str,
        password: str,
        options: dict[str, Any],
        rng: random.Random,
        kind: type[OcppPile] = Ocpp16Pile,
        **more: Any,
    ) -> OcppPile:
        settings_of_pile = {
            "connectors": options["connectors"],
            "rated_kw": options["rated_kw"],
            "dc": not options["ac"],
        } | more
        return kind(
            code,
            password=password,
            url=f"{options['http_url'].rstrip('/').replace('http', 'ws', 1)}/ocpp",
            speed=options["speed"],
            faults=_known(options, kind.FAULTS),
            rng=random.Random(rng.random()),
            **settings_of_pile,
        )

    def _dny(self, code: str, options: dict[str, Any], rng: random.Random, **more: Any) -> DnyBox:
        return DnyBox(
            code,
            host=options["host"],
            port=options["dny_port"],
            speed=options["speed"],
            faults=_known(options, DNY),
            rng=random.Random(rng.random()),
            **({"connectors": options["ports"]} | more),
        )

    def _mqtt(
        self, code: str, password: str, options: dict[str, Any], rng: random.Random, **more: Any
    ) -> MqttBox:
        return MqttBox(
            code,
            password=password,
            url=options["mqtt_url"],
            prefix=settings.EV_MQTT_PREFIX,
            speed=options["speed"],
            faults=_known(options, MQTT),
            rng=random.Random(rng.random()),
            **({"connectors": options["ports"]} | more),
        )

    def _named(self, options: dict[str, Any], rng: random.Random) -> list[SimulatedPile]:
        piles: list[SimulatedPile] = []
        for code in options["ykc"]:
            if len(code) != 14 or not code.isdigit():
                raise Refused("pile_code_invalid", f"{code}: a YKC code has 14 digits")
            piles.append(self._ykc(code, options, rng))
        for name, kind in (("ocpp", Ocpp16Pile), ("ocpp201", Ocpp201Pile)):
            for text in options[name]:
                code, _, password = text.partition(":")
                piles.append(self._ocpp(code, password, options, rng, kind))
        for code in options["dny"]:
            if len(code) != 8 or set(code.upper()) - set("0123456789ABCDEF"):
                raise Refused("pile_code_invalid", f"{code}: a DNY code has 8 hexadecimal digits")
            piles.append(self._dny(code.upper(), options, rng))
        if options["mqtt"] and urlsplit(options["mqtt_url"]).scheme != "mqtt":
            raise Refused("broker_invalid", "--mqtt needs a broker by --mqtt-url, such as mqtt://host:1883")
        for text in options["mqtt"]:
            code, _, password = text.partition(":")
            piles.append(self._mqtt(code, password, options, rng))
        return piles

    def _numbered(self, actor: Actor, options: dict[str, Any], rng: random.Random) -> list[SimulatedPile]:
        first = options["first_code"]
        codes = [f"{first + index:014d}" for index in range(options["piles"] + options["idle"])]
        if codes and options["register_station"]:
            self._register(actor, codes, options)
        return [self._ykc(code, options, rng) for code in codes]

    def _register(self, actor: Actor, codes: list[str], options: dict[str, Any]) -> None:
        station = (
            Station.objects.unscoped("simulated piles are registered by an operator of the machine")
            .filter(code=options["register_station"])
            .first()
        )
        if station is None:
            raise Refused("station_unknown", f"there is no station {options['register_station']}")
        known = set(
            Pile.objects.unscoped("which simulated piles are missing")
            .filter(code__in=codes)
            .values_list("code", flat=True)
        )
        for code in codes:
            if code not in known:
                pile_services.add_pile(
                    actor=actor,
                    station=station,
                    code=code,
                    protocol=Pile.Protocol.YKC,
                    connectors=options["connectors"],
                    rated_power_kw=Decimal(str(options["rated_kw"])),
                )

    def _demo_site(
        self, actor: Actor, options: dict[str, Any], rng: random.Random
    ) -> tuple[list[SimulatedPile], list[tuple[str, str]]]:
        rows = (
            Pile.objects.unscoped("the demo simulates every pile there is")
            .filter(in_service=True)
            .select_related("model")
            .prefetch_related("connectors")
            .order_by("code")
        )
        memory = Path(settings.EV_DATA_DIR) / "simulator"
        memory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        piles: list[SimulatedPile] = []
        for row in rows:
            power = float(row.rated_power_kw)
            more = {
                "connectors": max(1, len(row.connectors.all())),
                "rated_kw": power,
                "dc": row.model.current_type == "dc" if row.model else power > 22,
                "meter_kwh": register_kwh(row.code, now),
                "records_path": memory / f"{row.code}.json",
            }
            if row.protocol == Pile.Protocol.YKC:
                # Some bays of a site have a ground lock.
                locks = zlib.crc32(row.code.encode()) % 3 == 0
                piles.append(self._ykc(row.code, options, rng, bay_locks=locks, **more))
            elif row.protocol == Pile.Protocol.DNY:
                kept = {name: more[name] for name in ("connectors", "records_path")}
                piles.append(self._dny(row.code, options, rng, **kept))
            elif row.protocol == Pile.Protocol.MQTT:
                if urlsplit(options["mqtt_url"]).scheme == "mqtt":
                    ports = {"connectors": more["connectors"]}
                    piles.append(self._mqtt(row.code, demo_password(row.code), options, rng, **ports))
            else:
                kind = Ocpp201Pile if row.protocol == Pile.Protocol.OCPP201 else Ocpp16Pile
                piles.append(self._ocpp(row.code, demo_password(row.code), options, rng, kind, **more))
        people = Driver.objects.unscoped("the demo's drivers").filter(is_frozen=False).order_by("pk")[:200]
        tokens = [
            (one.phone, issue_token(actor=actor, driver=one, name="demo app", days=7)) for one in people
        ]
        if len(piles) > 10:
            piles.pop(len(piles) // 3)  # one pile of a site is always out of reach
        if not piles or not tokens:
            raise Refused(
                "no_demo_data", "there are no piles or no drivers yet; run `manage.py demo_data` first"
            )
        return piles, tokens

    # -- running

    async def _simulate(
        self,
        piles: list[SimulatedPile],
        drivers: list[tuple[str, str]],
        options: dict[str, Any],
        rng: random.Random,
    ) -> dict[str, Any]:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if options["duration"] and not options["idle"]:
            loop.call_later(options["duration"], stop.set)
        self._tell(f"{len(piles)} simulated piles")
        result: dict[str, Any] = {}
        async with (
            Fleet(piles, per_second=options["connect_rate"]) as fleet,
            httpx.AsyncClient(base_url=options["http_url"], timeout=15, trust_env=False) as client,
        ):
            if options["idle"]:
                return await soak(
                    fleet, seconds=options["duration"] or 300, stop=stop, watch_pid=options["watch_pid"]
                )
            if options["demo"]:
                result = await self._demo(fleet, drivers, client, options, rng, stop)
            else:
                if not options["no_cars"]:
                    self._send_cars(fleet, options, rng)
                await self._watch(fleet, stop)
            await _go_home(fleet)
            result = fleet.summary() | result
        return result

    def _send_cars(self, fleet: Fleet, options: dict[str, Any], rng: random.Random) -> None:
        for pile in fleet.piles:
            for number in pile.connector_numbers:
                fleet.spawn(keep_cars_coming(pile, number, rng=rng, charge_s=options["charge_s"]))

    async def _demo(
        self,
        fleet: Fleet,
        drivers: list[tuple[str, str]],
        client: httpx.AsyncClient,
        options: dict[str, Any],
        rng: random.Random,
        stop: asyncio.Event,
    ) -> dict[str, Any]:
        apps = [DriverApp(client, phone=phone, token=token) for phone, token in drivers]
        demo = Demo(fleet, apps, rng=rng, say=self._tell, pace=options["pace"])
        fleet.spawn(_break_one(fleet))
        demo.begin()
        await self._watch(fleet, stop)
        return {"visits": demo.visits, "settled": demo.settled, "refused_starts": demo.refusals}

    async def _watch(self, fleet: Fleet, stop: asyncio.Event) -> None:
        """Wait for the end; say now and then how it goes."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _REPORT_S)
            except TimeoutError:
                self._tell(
                    f"{fleet.online()} of {len(fleet.piles)} piles online, {fleet.charging()} charging"
                )

    def _tell(self, text: str) -> None:
        if not self._quiet:
            self.stdout.write(f"{time.strftime('%H:%M:%S')} {text}")
            self.stdout.flush()


async def _break_one(fleet: Fleet) -> None:
    """One connector of the demo stands with a fault, as in real life."""
    pile = fleet.piles[len(fleet.piles) // 2]
    while not pile.online:
        await asyncio.sleep(1)
    await asyncio.sleep(3)
    number = pile.connector_numbers[-1]
    while pile.state(number) != "idle":
        await asyncio.sleep(1)
    pile.break_down(number)


async def _go_home(fleet: Fleet) -> None:
    """End what charges, as a site that closes would, and give the reports a moment to be confirmed."""
    for pile in fleet.piles:
        for number in pile.connector_numbers:
            if pile.state(number) == "charging":
                pile.stop_by_hand(number)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 1.5
    while loop.time() < deadline and any(
        pile.stats.records_acknowledged < pile.stats.charges_ended and pile.online for pile in fleet.piles
    ):
        await asyncio.sleep(0.05)


def _known(options: dict[str, Any], table: dict) -> list[str]:
    """The faults a kind of pile knows; those of other kinds are left to them when several run."""
    ykc = options["ykc"] or options["piles"] or options["idle"]
    named = (ykc, *(options[name] for name in ("ocpp", "ocpp201", "dny", "mqtt")))
    kinds = 5 if options["demo"] else sum(map(bool, named))
    if kinds < 2:
        return options["fault"]
    all_known = OCPP.keys() | OCPP201.keys() | YKC.keys() | DNY.keys() | MQTT.keys()
    names = [(text.partition("=")[0], text) for text in options["fault"]]
    return [text for name, text in names if name in table or name not in all_known]


def _fault_help() -> str:
    lines = [f"{name} ({text})" for name, (_, text) in sorted((MQTT | DNY | YKC | OCPP201 | OCPP).items())]
    return "misbehaviours: " + "; ".join(lines)
