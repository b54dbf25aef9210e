#!/usr/bin/env python
"""Entry point of every operations command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong setting is the operator's to mend: one clear line, no traceback.
        sys.exit(f"Setting refused: {error}")


if __name__ == "__main__":
    main()
