from devices.simulators.mqtt.client import MqttBox
from devices.simulators.mqtt.logic import BoxSpec
from devices.simulators.mqtt.timing import MqttTiming

__all__ = ["BoxSpec", "MqttBox", "MqttTiming"]
