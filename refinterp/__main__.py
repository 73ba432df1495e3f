"""`python -m refinterp` is the `refinterp` command."""

import sys

from refinterp.cli.main import main

sys.exit(main())
