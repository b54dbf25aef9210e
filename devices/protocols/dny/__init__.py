"""DNY (AP3000 device protocol V8.6) over TCP, for e-bike boxes: the codec, the consumer, one handler module per family."""
