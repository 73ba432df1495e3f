"""A worker whose runtime does what the model's bytes say, for the tests of the client."""

from __future__ import annotations

import os
import sys
import time

from refinterp.runtimes.outcome import Ran, RuntimeCase
from refinterp.runtimes.worker import serve


class Fake:
    version = "fake 1"

    def __init__(self) -> None:
        self.poisoned = False
        self.retired = False

    def healthy(self) -> bool:
        return not self.retired

    def run(self, case: RuntimeCase) -> Ran:
        if self.poisoned:
            os.abort()
        match case.model.split():
            case [b"abort"]:
                os.write(2, b"about to abort\n")
                os.abort()
            case [b"exit", code]:
                os._exit(int(code))
            case [b"sleep", seconds]:
                time.sleep(float(seconds))
            case [b"refuse"]:
                os.write(2, b"the cause\n")
                raise RuntimeError("no")
            case [b"print"]:
                print("to stdout", flush=True)
            case [b"poison"]:
                self.poisoned = True
            case [b"retire"]:
                self.retired = True
        pid = {os.getpid(): case.samples[0][0]} if case.preserve else {}
        return Ran([list(sample) for sample in case.samples], [pid], {}, (), ())


if __name__ == "__main__":
    if sys.argv[1:] == ["broken"]:
        sys.exit("cannot import")
    serve(Fake)
