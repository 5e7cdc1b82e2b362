"""Reads what a budget is held in and what it runs on: devices for some days, dollars, energy, CO2e."""

from typing import TYPE_CHECKING, NamedTuple

from planner.errors import OptionError
from planner.inputs.question import Question
from planner.notes import Note
from planner.quantities import LARGEST, PF_DAY, format_flops, plain, shown_path

if TYPE_CHECKING:
    from planner.accelerators.accelerator import Accelerator
    from planner.accelerators.fleet import Funding, Machine
    from planner.quantities.estimate import Range


class Held(NamedTuple):
    """What a budget is held in."""

    machine: "Machine | None" = None
    funding: "Funding | None" = None  # a budget in another unit than FLOP
    flops: float | None = None  # the budget [FLOP]: expected
    name: str = ""  # the input that it came from; empty where there is none
    notes: tuple[Note, ...] = ()


BUDGETS = ("days", "gpu_hours", "dollars", "energy", "co2", "pf_days")
"""Budgets in other units than FLOP."""

_OF_DEVICES = ("deadline", "dtype", "peak", "power", "pue", "grid", "overhead", "gpu_file")
KINDS = {"days": "devices for a time", "gpu_hours": "device-hours", "dollars": "dollars", "energy": "energy", "co2": "CO2e"}


def read_held(question: Question, share: "Range | None" = None) -> Held:
    """Return what the budget of a question is held in, and its machine; at a utilisation that was forecast, where one was.

    Raises
    ------
    PlannerError
        Budgets or devices that contradict each other, a device or format that is not known, a utilisation that none reaches.
    """
    if not question.named("gpus", "gpu", *BUDGETS, *_OF_DEVICES):
        return Held()
    parts, hours = _devices(question)
    if hours is not None and question.days is not None:
        raise OptionError(f"`gpus` {question.gpus} has a time already: drop `days`")
    budgets = [name for name in BUDGETS if getattr(question, name) is not None or (name == "days" and hours is not None)]
    if question.flops is not None:
        budgets.insert(0, "flops")
    if len(budgets) > 1:
        raise OptionError(f"`{budgets[0]}` and `{budgets[1]}` are two budgets: give one of them")
    if not parts:
        return _without_devices(question)
    from planner.inputs.machine import read_machine

    counted = question.gpus is not None
    _refuse_idle_file(question, [device for _, device in parts])
    machine, notes = read_machine(question, parts, counted, share)
    if not budgets or budgets == ["flops"]:
        return Held(machine, notes=notes)
    (name,) = budgets
    if question.pf_days is not None:
        return Held(machine, None, question.pf_days * PF_DAY, name, notes)
    if name == "days" and not counted:
        raise OptionError(
            "`days`: of how many devices? Give `gpus`, such as 512xH100; a deadline for other budgets is `deadline` 30d"
        )
    if name == "days" and machine.deadline is not None:
        raise OptionError("`days` say how long the devices run, so a `deadline` adds nothing: drop one")
    return _funded(machine, name, hours if hours is not None else getattr(question, name), notes)


def _refuse_idle_file(question: Question, devices: list["Accelerator"]) -> None:
    """Refuse a file of one's own that says nothing of the devices named."""
    from planner.accelerators.catalogue import accelerators

    known = accelerators()
    if question.gpu_file is not None and all(device in known for device in devices):
        named = " and ".join(device.id for device in devices)
        raise OptionError(f"`gpu_file` {shown_path(question.gpu_file)} says nothing of {named}: drop it, or name a device of it")


def _funded(machine: "Machine", name: str, amount: float, notes: tuple[Note, ...]) -> Held:
    """Return a budget of a machine's time, money, energy or carbon."""
    from planner.accelerators.fleet import funding

    found = funding(machine, KINDS[name], amount)
    if found is None:
        raise OptionError(missing_of(machine, name))
    flops = found.flops.expected
    if not 1 <= flops <= LARGEST:
        raise OptionError(f"`{name}`: buys {format_flops(flops)}; expected from 1 to {plain(LARGEST)} FLOP")
    return Held(machine, found, flops, name, notes)


def _without_devices(question: Question) -> Held:
    """Return a budget that needs no device; refuse one that does."""
    if question.days is not None:
        raise OptionError("`days`: of which devices? Give `gpus`, such as 512xH100 (gpus='512xH100' in Python)")
    needing = question.named(*BUDGETS[:-1], *_OF_DEVICES)
    if needing:
        raise OptionError(
            f"`{needing[0]}`: on which device? Give `gpu`, such as h100-sxm (gpu='h100-sxm' in Python); plan hardware lists them"
        )
    assert question.pf_days is not None
    return Held(flops=question.pf_days * PF_DAY, name="pf_days")


def missing_of(machine: "Machine", name: str) -> str:
    """Say what is not known of a machine that this budget needs."""
    if name == "dollars":
        unpriced = next(part.device.id for part in machine.parts if part.price is None)
        return f"`dollars`: no price of {unpriced} is known; give `price`, US dollars per device-hour (or a `gpu_file`)"
    if machine.kilowatts is None:
        unknown = next(part.device.id for part in machine.parts if part.watts is None)
        return f"`{name}`: the power of {unknown} is not published; give `power`, the average watts of one device with its server"
    return "`co2`: on which grid? Give `grid`, a country such as france, or grams of CO2e per kWh"


def _devices(question: Question) -> tuple[tuple[tuple[float, "Accelerator"], ...], float | None]:
    """Return (count, device) pairs, and the hours that stand in the text of ``gpus``."""
    gpus, gpu = question.gpus, question.gpu
    if gpus is None and gpu is None:
        return (), None
    if gpus is None:
        pairs: tuple[tuple[float, str], ...] = ((1.0, str(gpu)),)
    elif gpu is None:
        if not gpus.parts[0][1]:
            raise OptionError(f"`gpus` {gpus}: of which kind? Write 512xH100, or add `gpu`, such as h100-sxm")
        pairs = gpus.parts
    else:
        if len(gpus.parts) > 1 or gpus.parts[0][1]:
            raise OptionError("`gpus` and `gpu` together: `gpus` is then a number, such as 512; or write `gpus` 512xH100 alone")
        pairs = ((gpus.parts[0][0], gpu),)
    from planner.accelerators.catalogue import accelerator, accelerators

    catalogue = accelerators(question.gpu_file)
    found: dict[str, float] = {}
    devices = {}
    for count, name in pairs:
        device = accelerator(name, catalogue)
        devices[device.id] = device
        found[device.id] = found.get(device.id, 0.0) + count
    return tuple((found[name], devices[name]) for name in devices), None if gpus is None else gpus.hours
