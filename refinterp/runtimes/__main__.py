"""Start a worker: `python -m refinterp.runtimes NAME`."""

import sys

from refinterp.runtimes.worker import engine_for, serve

serve(lambda: engine_for(sys.argv[1]))
