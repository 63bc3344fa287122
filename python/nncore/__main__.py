"""``python -m nncore``: the command line."""

from __future__ import annotations

import sys

from nncore.cli import main

sys.exit(main())
