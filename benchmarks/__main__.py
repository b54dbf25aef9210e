"""`python -m benchmarks [name …]`: measure and print a table; without names all but the longest, in minutes."""

import argparse
import asyncio
import sys
import time

import uvloop

from benchmarks import exports, records, repricing, sessions, storms
from benchmarks.context import Databases, NoServices
from benchmarks.machine import describe, pin_load
from benchmarks.report import Result, table

BENCHMARKS = {
    "ocpp": sessions.ocpp,
    "ykc": sessions.ykc,
    "records": records.records,
    "connections": storms.connections,
    "embedded": storms.embedded,
    "exports": exports.run,
    "repricing": repricing.run,
}
BY_NAME_ONLY = {"ten_thousand": storms.ten_thousand}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    known = {**BENCHMARKS, **BY_NAME_ONLY}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which: {', '.join(known)} (default: all but ten_thousand)")
    names = parser.parse_args().name or list(BENCHMARKS)
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    try:
        databases = Databases()
    except NoServices as error:
        sys.stderr.write(f"{error}\n")
        return 1
    pin_load()
    results: list[Result] = []
    failed = False
    try:
        for name in names:
            say(f"{name}: {describe()}")
            began = time.monotonic()
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    found = runner.run(known[name](databases))
            except Exception as error:
                failed = True
                while isinstance(error, BaseExceptionGroup):
                    error = error.exceptions[0]
                say(f"  failed: {error!r}")
                continue
            results += found
            say("\n".join(f"  {' | '.join(filter(None, result.cells()))}" for result in found))
            say(f"  {time.monotonic() - began:.0f} s")
    finally:
        databases.drop()
    say("\n" + table(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
