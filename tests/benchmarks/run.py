"""What nandoctor costs, beside TensorFlow's own instruments, in one run: `run.py [NAME ...] [--quick]`.

Prints Markdown tables. Nothing here is a test: times depend on the machine, ratios less so.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import check_data
import instruments
import lint
import memory
import planted_data
import start_up
import step
import trip
import watch
import while_loops
from table import Table

BENCHMARKS: dict[str, Callable[[Path, bool], Table]] = {
    "step": step.measure,
    "memory": memory.measure,
    "while-loops": while_loops.measure,
    "watch": watch.measure,
    "trip": trip.measure,
    "start-up": start_up.measure,
    "check-data": check_data.measure,
    "lint": lint.measure,
    "instruments": instruments.measure,
    "data-faults": planted_data.measure,
}


def main() -> None:
    """Run the benchmarks that the command line names, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(BENCHMARKS)} (all)")
    parser.add_argument("--quick", action="store_true", help="smaller models and fewer rounds")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    for name, measure in BENCHMARKS.items():
        if not options.names or name in options.names:
            with TemporaryDirectory(prefix="nandoctor-bench-") as folder:
                print(f"\n{measure(Path(folder), options.quick).markdown()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
