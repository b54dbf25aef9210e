"""YKC (云快充) 1.5/1.6 over TCP: the codec, the consumer and one handler module per message family."""
