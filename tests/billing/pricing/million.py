"""Compare the engine with the second pricer on many random sessions.

    python -m tests.billing.pricing.million [--sessions 1000000] [--seed 1] [--json]

Ends with 1 when a single bill differs by a single fen, in total or in any line.
"""

import argparse
import json
import resource
import sys
import time

from tests.billing.pricing.sessions import compare

CHUNK = 5_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    begun, done, different = time.monotonic(), 0, []
    while done < options.sessions and len(different) < 5:
        count = min(CHUNK, options.sessions - done)
        different += compare(options.seed * 1_000_003 + done, count)
        done += count
        if not options.json and done % 50_000 == 0:
            print(f"{done} sessions, {len(different)} differ", flush=True)
    result = {
        "sessions": done,
        "seed": options.seed,
        "different": len(different),
        "first": different[:1],
        "seconds": round(time.monotonic() - begun, 1),
        "cpu_seconds": round(resource.getrusage(resource.RUSAGE_SELF).ru_utime, 1),
    }
    print(json.dumps(result, default=str))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
