"""JSON over MQTT, for e-bike boxes, site gateways and sensors: a contract of our own (docs/protocols/mqtt.md)."""
