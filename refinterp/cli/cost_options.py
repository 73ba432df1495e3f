"""The options of time and energy, which commands that estimate them share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from refinterp.cli.common import open_model
from refinterp.cost.device import Device, DutyCycle, read_profile
from refinterp.cost.latency import Observation, runtime_facts
from refinterp.cost.measured import add_measured, meant, measured_of
from refinterp.cost.quantity import Quantity
from refinterp.cost.written import capacity, clock, current, duration, phase, volts
from refinterp.errors import UsageError
from refinterp.graph.model import Model

_DUTY = ("wake", "sensor", "sleep_current")


def add_cost(parser: argparse.ArgumentParser, *, duty: bool = True) -> None:
    """Add the options of time and energy; duty: and of battery life."""
    group = parser.add_argument_group("time and energy", "estimates with their band (docs/cost.md)")
    group.add_argument(
        "--runtime",
        metavar="NAME",
        help="whose time: tflm, esp-nn, x-cube-ai-10.2, … (default: TFLM with the usual kernels)",
    )
    group.add_argument(
        "--clock", type=clock, metavar="HZ", help="the core's clock: 64M (default: the board's)"
    )
    add_measured(group)
    group.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="MODEL=F.json",
        help='a model\'s time by operator, as you measured it: {"total_ms": 40.1, "operators": '
        '{"CONV_2D": 31.5, …}}; narrows the others\' estimates',
    )
    group.add_argument(
        "--current", type=current, metavar="5.2mA", help="what the device takes while it infers"
    )
    group.add_argument("--supply", type=volts, metavar="3V", help="at this voltage")
    if duty:
        _add_duty(group)


def _add_duty(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--every", type=duration, metavar="1s", help="how often it infers: with --battery, its life"
    )
    group.add_argument("--battery", type=capacity, metavar="220mAh", help="the battery's capacity")
    group.add_argument(
        "--sleep-current", type=current, metavar="2uA", help="what the device takes between"
    )
    group.add_argument(
        "--wake", type=phase, metavar="5ms@3mA", help="how long waking takes, and how much"
    )
    group.add_argument(
        "--sensor", type=phase, metavar="20ms@1mA", help="how long the sensor takes, and how much"
    )


def check_cost(options: argparse.Namespace) -> None:
    """Refuse options that mean nothing together, and runtimes of another name."""
    if options.runtime is not None:
        runtime_facts(options.runtime)
    if not hasattr(options, "battery"):
        return
    if (options.every is None) != (options.battery is None):
        raise UsageError("--every 1s and --battery 220mAh go together: how long the battery lasts")
    asked = [f"--{name.replace('_', '-')}" for name in _DUTY if getattr(options, name) is not None]
    if asked and options.battery is None:
        raise UsageError(f"{', '.join(asked)}: only with --every 1s --battery 220mAh")


def duty_cycle(options: argparse.Namespace) -> DutyCycle | None:
    """The duty cycle that was asked about, or None."""
    if getattr(options, "battery", None) is None:
        return None
    return DutyCycle(
        options.every, options.battery, options.wake, options.sensor, options.sleep_current
    )


class Observations:
    """What the user measured: of the models that are asked about, and of others beside them."""

    def __init__(self, options: argparse.Namespace, models: Mapping[str, Model]) -> None:
        """models: those that are asked about, by path. Other models are read from their files."""
        own = [one for one in options.measured if meant(list(models), one.model)]
        others = [one for one in options.measured if one not in own]
        for one in others:
            if not Path(one.model).is_file():
                measured_of(list(models), [one])  # says that it means none of the models
        self._measured = measured_of(list(models), own)
        beside = measured_of([one.model for one in others], others)
        self._observed: dict[str, Observation] = {}
        for path, found in (*self._measured.items(), *beside.items()):
            if "s" in found:
                model = models.get(path) or open_model(path)
                self._observed[path] = Observation(model, found["s"].value)
        for text in options.profile:
            name, _, file = text.rpartition("=")
            if not name or not file:
                raise UsageError(f"--profile {text}: write MODEL=F.json")
            path = next(iter(meant(list(models), name)), name)
            self._observed[path] = read_profile(file, models.get(path) or open_model(path))

    def device(
        self, options: argparse.Namespace, path: str, core: str, chip: str,
        clock_mhz: float | None, runtime: str | None,
    ) -> Device:  # fmt: skip
        """The device of one model, with what was measured there of it and of others."""
        own = dict(self._measured.get(path, {}))
        mine = self._observed.get(path)
        if mine is not None:
            own.setdefault("s", Quantity.measured(mine.seconds, "s", "--profile"))
        return Device(
            core, chip, options.clock or clock_mhz, options.runtime or runtime, options.current,
            options.supply, duty_cycle(options),
            tuple(one for name, one in self._observed.items() if name != path), own,
        )  # fmt: skip
