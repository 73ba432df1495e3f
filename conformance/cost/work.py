"""Write the work of the models that were measured, from their files.

    REFINTERP_CORPUS=FOLDER python -m conformance.cost.work

Others fit without the files: `work.json` holds what the fit needs of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from conformance.cost.measurements import WORK
from refinterp.cost.work import KINDS, OperatorWork, amounts, model_macs, operator_work
from refinterp.modelfile.reader import read_model

FILES: Final = {
    "ic": "resnet8_cifar_int8.tflite",
    "kws": "kws_ref_model.tflite",
    "vww": "vww_96_int8.tflite",
    "ad": "ad01_int8.tflite",
    "person": "person_detect.tflite",
}


def document(folder: Path) -> dict[str, Any]:
    """Return what the file holds. folder: where the models lie."""
    models = {}
    for task, file in FILES.items():
        data = (folder / file).read_bytes()
        model = read_model(data)
        work = operator_work(model)
        models[task] = {
            "file": file,
            "sha256": hashlib.sha256(data).hexdigest(),
            "macs": model_macs(model),
            "work": _fields(work),
            "work_without_dead_channels": _fields(operator_work(model, dead=False)),
            "by_operator": {
                name: _fields([one for one in work if one.name == name])
                for name in dict.fromkeys(one.name for one in work)
            },
        }
    return {
        "about": "Work of the models that were measured, by kind (refinterp/cost/work.py); written "
        "by python -m conformance.cost.work",
        "models": models,
    }


def _fields(work: Sequence[OperatorWork]) -> dict[str, float]:
    return {
        kind: round(amount, 3)
        for kind, amount in zip(KINDS, amounts(work).tolist(), strict=True)
        if amount
    }


def main() -> int:
    """Write the file."""
    corpus = os.environ.get("REFINTERP_CORPUS")
    if corpus is None:
        print("set REFINTERP_CORPUS to the folder that holds models/", file=sys.stderr)
        return 2
    found = document(Path(corpus) / "models")
    WORK.write_text(json.dumps(found, indent=1) + "\n", "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
