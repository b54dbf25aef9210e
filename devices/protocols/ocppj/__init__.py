"""What every OCPP over JSON shares, whatever its version (OCPP-J 1.6; OCPP 2.0.1 part 4).

One consumer holds one station's WebSocket; the version's own words are a `Dialect`. Input is read as far as it can
be read and every oddity is counted on the pile, output is validated strictly.
"""
