"""Codes of every protocol are shown in words in the reader's language, and unknown ones as they came."""

import pytest
from django.utils import translation

from devices.advice import ADVICE
from devices.protocols.dny.codec import FROM_DEVICE, TO_DEVICE
from devices.protocols.dny.codec import words as dny
from devices.protocols.ocpp16 import statuses
from devices.protocols.ocpp16 import words as ocpp16
from devices.protocols.ocpp16.handlers import HANDLERS
from devices.protocols.ocpp201 import words as ocpp201
from devices.protocols.ocpp201.handlers import HANDLERS as HANDLERS_201
from devices.protocols.ykc.codec import LAYOUTS
from devices.protocols.ykc.codec import words as ykc
from devices.words import (
    advice_text,
    answer_text,
    ending_text,
    fault_text,
    frame_title,
    refusal_text,
    stop_reason_text,
)
from stations.words import fault_text as fault_text_of_stations


def chinese(function, *arguments):
    with translation.override("zh-hans"):
        return function(*arguments)


def english(function, *arguments):
    with translation.override("en"):
        return function(*arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (stop_reason_text, ("ykc", "soc_full"), "电池已充满"),
        (stop_reason_text, ("ykc", "abort_emergency_stop"), "充电中断：急停按下"),
        (stop_reason_text, ("ykc", "not_plugged"), "枪未插入车辆"),  # a start that the pile refused
        (stop_reason_text, ("ykc", "expired"), "超时未应答"),  # a start that nobody answered
        (stop_reason_text, ("ocpp16", "EVDisconnected"), "已拔枪"),
        (stop_reason_text, ("ocpp16", "Rejected"), "桩拒绝执行"),
        (stop_reason_text, ("ocpp16", "soc_full"), "soc_full"),  # not a word of this protocol
        (stop_reason_text, ("ykc", "something_new"), "something_new"),
        (stop_reason_text, ("dny", "Local"), "Local"),
        (stop_reason_text, ("ykc", ""), ""),
        (stop_reason_text, ("dny", "battery_full"), "电池已充满"),
        (stop_reason_text, ("dny", "not_plugged"), "端口未插充电器"),  # a start that the box refused
        (stop_reason_text, ("dny", "stop_ee"), "stop_ee"),
        (fault_text, ("dny", "short_circuit"), "负载短路"),
        (fault_text, ("dny", "smoke"), "烟感报警"),
        (frame_title, ("dny", "03 settlement"), "03 · 结算上报"),
        (frame_title, ("dny", "03 settlement_reply"), "03 · 结算应答"),
        (frame_title, ("dny", "ICCID"), "ICCID"),
        (answer_text, ("ykc", "low_balance"), "余额不足"),
        (answer_text, ("ykc", "no answer in time"), "桩未及时应答"),
        (answer_text, ("ykc", "result_9"), "result_9"),
        (answer_text, ("ocpp16", "UnlockFailed"), "充电枪解锁失败"),
        (answer_text, ("ocpp16", "NotImplemented: Requested: Reset"), "桩未实现该指令 (Requested: Reset)"),
        (answer_text, ("ocpp16", "Odd: text"), "Odd: text"),
        (fault_text, ("ykc", "emergency_stop"), "急停按钮已按下"),
        (fault_text, ("ykc", "emergency_stop,meter_link"), "急停按钮已按下；电表通信中断"),
        (fault_text, ("ykc", "meter_link,fault_bit_14"), "电表通信中断；fault_bit_14"),
        (fault_text, ("ykc", "heartbeat_fault"), "桩心跳上报故障"),
        (fault_text, ("ocpp16", "GroundFailure/E42"), "接地故障保护已动作；E42"),
        (fault_text, ("ocpp16", "E42"), "E42"),
        (fault_text, ("ocpp16", ""), ""),
        (fault_text_of_stations, ("ykc", "dc_fuse"), "直流熔断器故障"),
        (frame_title, ("ykc", "13 realtime_data"), "13 · 实时数据"),
        (frame_title, ("ykc", "13"), "13 · 实时数据"),
        (frame_title, ("ykc", "??"), "??"),
        (frame_title, ("ykc", "7E"), "7E"),
        (frame_title, ("ocpp16", "MeterValues"), "MeterValues · 计量数据"),
        (frame_title, ("ocpp16", "Vendor.Thing"), "Vendor.Thing"),
        (frame_title, ("ocpp201", "TransactionEvent"), "TransactionEvent · 充电过程上报"),
        (stop_reason_text, ("ocpp201", "StoppedByEV"), "车辆主动结束充电"),
        (answer_text, ("ocpp201", "FormatViolation: no id"), "桩无法解析报文 (no id)"),
        (fault_text, ("ocpp201", "Faulted"), "桩上报故障"),
        (ending_text, ("silent",), "桩长时间无通信"),
        (ending_text, ("ConnectionResetError(104)",), "ConnectionResetError(104)"),
        (refusal_text, ("bad_password",), "密码错误"),
        (refusal_text, ("",), ""),
    ],
)
def test_a_code_in_chinese(function, arguments, text):
    assert chinese(function, *arguments) == text


def test_words_follow_the_reader():
    assert english(stop_reason_text, "ykc", "soc_full") == "The battery is full"
    assert chinese(stop_reason_text, "ykc", "soc_full") == "电池已充满"
    assert (
        english(fault_text, "ykc", "dc_fuse,door_open")
        == "The DC fuse has blown; The door of the pile is open"
    )
    assert english(frame_title, "ocpp16", "Heartbeat") == "Heartbeat"


def test_advice_for_what_needs_it():
    """Every fault and every end that nobody wished says what to do; a wished end says nothing."""
    wished = {"normal"}
    for word in ykc.STOP_REASONS.values():
        text = chinese(advice_text, "ykc", word.slug)
        assert bool(text) == (word.category not in wished), word.slug
    for fault in ykc.faults(0x1FFF):
        assert chinese(advice_text, "ykc", fault.slug), fault.slug
    for protocol, table in (("dny", dny.FAULTS), ("ocpp16", statuses.FAULTS)):
        for slug in table:
            assert chinese(advice_text, protocol, slug), slug
    for protocol, table in ADVICE.items():
        for slug in table:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese(advice_text, protocol, slug)), (
                slug
            )
    two = english(advice_text, "ykc", "dc_fuse,door_open,door_open")
    assert two.startswith("Take the pile out of service") and two.count("Somebody opened the pile") == 1
    assert advice_text("ykc", "soc_full") == advice_text("ocpp16", "E42") == advice_text("new", "x") == ""
    assert english(advice_text, "ocpp16", "GroundFailure/E42").startswith("Take the connector")


def every_code():
    for code in range(256):
        yield stop_reason_text, "ykc", ykc.stop_reason(code).slug
        yield answer_text, "ykc", ykc.remote_start_failure(code).slug
        yield answer_text, "ykc", ykc.remote_stop_failure(code).slug
    for fault in ykc.faults(0x1FFF):
        yield fault_text, "ykc", fault.slug
    for kind, layout in LAYOUTS.items():
        yield frame_title, "ykc", f"{kind:02X} {layout.name}"
    for table in (FROM_DEVICE, TO_DEVICE):
        for kind, layout in table.items():
            yield frame_title, "dny", f"{kind:02X} {layout.name}"
    for function, listed in (
        (stop_reason_text, dny.STOP_REASONS),
        (answer_text, dny.ANSWERS),
        (fault_text, dny.FAULTS),
    ):
        for slug in listed:
            yield function, "dny", slug
    for reason in ocpp16.STOP_REASONS:
        yield stop_reason_text, "ocpp16", reason
    for answer in ocpp16.ANSWERS:
        yield answer_text, "ocpp16", answer
    for code in statuses.FAULTS:
        yield fault_text, "ocpp16", code
    for action in {*ocpp16.ACTIONS, *HANDLERS}:
        yield frame_title, "ocpp16", action
    for reason in ocpp201.STOP_REASONS:
        yield stop_reason_text, "ocpp201", reason
    for answer in ocpp201.ANSWERS:
        yield answer_text, "ocpp201", answer
    for action in {*ocpp201.ACTIONS, *HANDLERS_201}:
        yield frame_title, "ocpp201", action


def test_every_code_of_the_tables_has_its_chinese():
    for function, protocol, code in every_code():
        text = chinese(function, protocol, code)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text), (
            function.__name__,
            protocol,
            code,
            text,
        )
        assert not text.endswith("。")
