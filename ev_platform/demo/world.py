"""What the demo consists of: invented operators and stations around Hefei, with plausible prices.

Coordinates are GCJ-02. Nothing here is a real company, site, price list or person.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.pricing import Component, DayRule, Tier
from billing.pricing.components import OccupancyFee, PowerFee, PowerStep
from billing.services.tariffs import Day

PASSWORD = "Charge-demo-2026"
DRIVERS = 30
DRIVER_PHONE = "138000010{:02d}"
FIRST_TOP_UP_FEN = (30_000, 50_000, 80_000)
LOWEST_BALANCE_FEN = 5_000
LATER_TOP_UP_FEN = 30_000


@dataclass(frozen=True)
class DemoModel:
    brand: str
    name: str
    current_type: str
    power_kw: Decimal


@dataclass(frozen=True)
class DemoPiles:
    """`count` piles of one model; YKC codes are `prefix` and four digits, OCPP codes `prefix` and two."""

    protocol: str
    prefix: str
    count: int
    connectors: int
    model: DemoModel
    label: str


@dataclass(frozen=True)
class DemoStation:
    code: str
    name: str
    address: str
    region_code: str
    longitude: str
    latitude: str
    tariff: str
    piles: tuple[DemoPiles, ...]


def _slots(periods: tuple[tuple[str, float, float], ...]) -> list[str]:
    slots = [""] * 48
    for tier, start, end in periods:
        for index in range(int(start * 2), int(end * 2)):
            slots[index] = tier
    return slots


@dataclass(frozen=True)
class DemoDay:
    """A further day of a tariff, and the rule that chooses it."""

    code: str
    name: str
    periods: tuple[tuple[str, float, float], ...]
    rule: DayRule

    def day(self) -> Day:
        return Day(self.code, self.name, tuple(_slots(self.periods)))


@dataclass(frozen=True)
class DemoTariff:
    """Tiers as (code, electricity, service) in yuan per kWh; periods as (tier, first hour, hour after)."""

    name: str
    tiers: tuple[tuple[str, str, str], ...]
    periods: tuple[tuple[str, float, float], ...]
    days: tuple[DemoDay, ...] = ()
    components: tuple[Component, ...] = ()

    def pricing_tiers(self) -> list[Tier]:
        return [
            Tier(code, Decimal(electricity), Decimal(service)) for code, electricity, service in self.tiers
        ]

    def slots(self) -> list[str]:
        return _slots(self.periods)


@dataclass(frozen=True)
class DemoOperator:
    code: str
    name: str
    contact: str
    tariffs: tuple[DemoTariff, ...]
    stations: tuple[DemoStation, ...]


@dataclass(frozen=True)
class Agent:
    """A payee beside the operator; `bp` is its part of the service fee, or of the part of the agent above it."""

    code: str
    name: str
    bp: int
    phone: str
    account: tuple[str, str, str]  # channel, identity there, real name
    below: str = ""


@dataclass(frozen=True)
class Agreement:
    """What an operator agreed about its money; amounts are fen, parts hundredths of a percent."""

    operator: str
    phone: str
    account: tuple[str, str, str]
    auto_payout: bool
    minimum_payout_fen: int
    commission_bp: int
    seller: str
    tax_no: str
    auto_approve_fen: int
    hosting_fen: int
    station: str = ""  # where the agents have their part
    agents: tuple[Agent, ...] = ()


@dataclass(frozen=True)
class DemoAccount:
    """A console account; `operator` is empty for the platform's own."""

    username: str
    display_name: str
    role: str
    operator: str


DC120 = DemoModel("演示", "一体式直流双枪 120kW", "dc", Decimal("120.0"))
DC60 = DemoModel("演示", "一体式直流双枪 60kW", "dc", Decimal("60.0"))
AC7 = DemoModel("演示", "壁挂交流桩 7kW", "ac", Decimal("7.0"))
BIKES = DemoModel("演示", "电动自行车十路充电箱", "ac", Decimal("5.0"))

_DAY = (
    ("valley", 0, 8),
    ("flat", 8, 9.5),
    ("peak", 9.5, 11.5),
    ("flat", 11.5, 16),
    ("peak", 16, 19),
    ("sharp", 19, 21),
    ("peak", 21, 22),
    ("flat", 22, 24),
)

_REST_DAY = (("valley", 0, 9), ("flat", 9, 24))
_SUMMER_DAY = (
    ("valley", 0, 7),
    ("flat", 7, 9),
    ("peak", 9, 14),
    ("sharp", 14, 18),
    ("peak", 18, 22),
    ("flat", 22, 24),
)
SPECIAL_DAYS = (
    ("2026-10-01", "holiday", "国庆节"),
    ("2026-10-02", "holiday", "国庆节"),
    ("2026-10-10", "workday", "国庆调休"),
    ("2027-01-01", "holiday", "元旦"),
)
# operator, name, hundredths of a percent off the service fee, at most (fen)
DISCOUNT = ("huiyun", "秋季服务费九折", 1000, 500)

# operator, name, off (fen), from a charge of (fen), how many; every third demo driver has one
COUPONS = ("huiyun", "新用户满20减5券", 500, 2000, 500)

OPERATORS = (
    DemoOperator(
        "huiyun",
        "徽云充电",
        "陈经理",
        (
            DemoTariff(
                "尖峰平谷 标准价",
                (
                    ("sharp", "1.26480", "0.45000"),
                    ("peak", "1.05400", "0.45000"),
                    ("flat", "0.67120", "0.45000"),
                    ("valley", "0.31870", "0.40000"),
                ),
                _DAY,
            ),
        ),
        (
            DemoStation(
                "HF-BH",
                "滨湖会展中心充电站",
                "合肥市包河区锦绣大道与庐州大道交口",
                "340111",
                "117.299483",
                "31.722846",
                "尖峰平谷 标准价",
                (
                    DemoPiles("ykc", "3401001001", 8, 2, DC120, "直流桩"),
                    DemoPiles("ocpp16", "HFBH-AC", 4, 1, AC7, "交流桩"),
                ),
            ),
            DemoStation(
                "HF-GX",
                "高新区创新产业园充电站",
                "合肥市高新区望江西路 800 号",
                "340104",
                "117.135214",
                "31.833527",
                "尖峰平谷 标准价",
                (
                    DemoPiles("ykc", "3401001002", 6, 2, DC60, "直流桩"),
                    DemoPiles("ocpp16", "HFGX-DC", 2, 2, DC60, "直流桩"),
                    DemoPiles("ocpp16", "HFGX-AC", 4, 1, AC7, "交流桩"),
                ),
            ),
        ),
    ),
    DemoOperator(
        "luzhou",
        "庐州出行",
        "吴经理",
        (
            DemoTariff(
                "分时电价",
                (
                    ("sharp", "1.22000", "0.52000"),
                    ("peak", "1.02000", "0.52000"),
                    ("flat", "0.66000", "0.48000"),
                    ("valley", "0.31000", "0.42000"),
                ),
                _DAY,
                days=(
                    DemoDay("rest", "休息日", _REST_DAY, DayRule("rest", days="restday")),
                    DemoDay("summer", "夏季", _SUMMER_DAY, DayRule("summer", "07-01", "08-31")),
                ),
                components=(OccupancyFee(fen=300, block_s=900, grace_s=900, cap_fen=3000),),
            ),
            DemoTariff(
                "电动自行车 电费加时长服务费",
                (("flat", "0.60000", "0.00000"),),
                (("flat", 0, 24),),
                components=(
                    PowerFee(
                        (PowerStep(150, 15), PowerStep(250, 22), PowerStep(400, 32), PowerStep(600, 45)),
                    ),
                ),
            ),
            DemoTariff("停车场统一价", (("flat", "0.78000", "0.50000"),), (("flat", 0, 24),)),
        ),
        (
            DemoStation(
                "HF-ZW",
                "政务区天鹅湖充电站",
                "合肥市蜀山区怀宁路与潜山路交口",
                "340104",
                "117.227239",
                "31.815237",
                "分时电价",
                (
                    DemoPiles("ykc", "3401002001", 6, 2, DC120, "直流桩"),
                    DemoPiles("ocpp16", "HFZW-AC", 4, 1, AC7, "交流桩"),
                ),
            ),
            DemoStation(
                "HF-NZ",
                "合肥南站 P2 停车场充电站",
                "合肥市包河区合肥南站南广场",
                "340111",
                "117.290346",
                "31.799512",
                "停车场统一价",
                (
                    DemoPiles("ykc", "3401002002", 4, 2, DC60, "直流桩"),
                    DemoPiles("ocpp16", "HFNZ-DC", 2, 2, DC120, "直流桩"),
                ),
            ),
            DemoStation(
                "HF-CF",
                "翠枫小区电动自行车充电站",
                "合肥市包河区翠枫路 12 号",
                "340111",
                "117.276815",
                "31.769402",
                "电动自行车 电费加时长服务费",
                (DemoPiles("dny", "043401", 1, 10, BIKES, "充电箱"),),
            ),
        ),
    ),
)

ACCOUNTS = (
    DemoAccount("admin", "平台管理员", "platform_admin", ""),
    DemoAccount("huiyun", "徽云运营主管", "operator_admin", "huiyun"),
    DemoAccount("zhangwu", "平台财务", "platform_finance", ""),
    DemoAccount("jiankong", "徽云监控值班", "monitoring_admin", "huiyun"),
    DemoAccount("caiwu", "徽云财务", "finance_admin", "huiyun"),
    DemoAccount("luzhou", "庐州运营主管", "operator_admin", "luzhou"),
)


def phones() -> list[str]:
    """The phones of the demo drivers, by number."""
    return [DRIVER_PHONE.format(number) for number in range(1, DRIVERS + 1)]


# Cards, an enterprise with a fleet, and a tag, of the first operator.
PEOPLE_OF = OPERATORS[0].code
ENTERPRISE = ("jiangnan", "江南同城物流", 500_000)
MEMBERS = (21, 22, 23)
FLEET = (
    ("皖A00001D", "LSVDEM0A0E2000001"),
    ("皖A00002D", "LSVDEM0A0E2000002"),
    ("皖A00003D", "LSVDEM0A0E2000003"),
)
# (physical no., printed no., kind, fen on it, number of the driver who holds it or 0)
CARDS = (
    ("D14B0A54", "8600000000000017", "online", 20_000, 1),
    ("D14B0A55", "8600000000000025", "online", 10_000, 0),
    ("D14B0A56", "8600000000000033", "offline", 10_000, 2),
    ("D14B0A57", "8600000000000041", "month", 0, 3),
    ("D14B0A58", "8600000000000058", "staff", 0, 4),
    ("D14B0A59", "8600000000000066", "online", 0, 0),
)
TAG = ("员工", (4, 5, 6))

AGREEMENTS = (
    Agreement(
        operator="huiyun",
        phone="13900000001",
        account=("wechat", "oDemoHuiyun0000000000000001", "陈明"),
        auto_payout=True,
        minimum_payout_fen=100,
        commission_bp=800,
        seller="徽云充电科技有限公司",
        tax_no="91340100MA0DEMO01X",
        auto_approve_fen=0,
        hosting_fen=3_000,
        station="HF-GX",
        agents=(
            Agent(
                "HY-DL01",
                "宏远新能源代理",
                3_000,
                "13900000011",
                ("wechat", "oDemoAgent00000000000000011", "李宏"),
            ),
            Agent(
                "HY-DL02",
                "望江西路片区代理",
                4_000,
                "13900000012",
                ("alipay", "2088000000000012", "周洁"),
                below="HY-DL01",
            ),
        ),
    ),
    Agreement(
        operator="luzhou",
        phone="13900000002",
        account=("alipay", "2088000000000002", "吴军"),
        auto_payout=False,
        minimum_payout_fen=100,
        commission_bp=500,
        seller="庐州出行服务有限公司",
        tax_no="91340100MA0DEMO02X",
        auto_approve_fen=20_000,
        hosting_fen=2_500,
    ),
)
RECHARGE_OFFER = ("充200送10", 20_000, 1_000)
# Drivers who charge on pay score, and among them the one whose last debit still waits.
SCORE_DRIVERS = (29, 30)
SCORE_WAITING = 29
BUYERS = {
    "person": ("individual", "张晓明", "", "zhang@example.com"),
    "company": ("organization", "合肥速达物流有限公司", "91340100MA0DEMO03X", "caiwu@example.com"),
    "wrong": ("organization", "合肥速达物流", "91340100MA0DEMO03X", "caiwu@example.com"),
}
