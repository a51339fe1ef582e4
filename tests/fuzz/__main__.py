"""`make fuzz`: cases for some minutes, each within bounds of processor time and memory, and what failed in a folder.

A process of its own runs the cases and is begun anew after a death or a hang, which are failures as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.connection
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz import campaign

SMALL, SECONDS, MEGABYTES = 1_000_000, 2.0, 300  # docs/limits.md: what an input below 1 MB may take
HANGS = 60.0  # seconds after which a case is given up
ADDRESS_SPACE = 4 << 30


def work(pipe: multiprocessing.connection.Connection, seed: int) -> None:
    """Run the cases whose numbers come in; answer with what failed, processor seconds, and megabytes that were added."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    while (number := pipe.recv()) is not None:
        case = campaign.case(seed, number)
        before, began = _peak(), time.process_time()
        failures = case.failures()
        pipe.send((failures, time.process_time() - began, _peak() - before))


def _peak() -> float:
    """The most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )


class Worker:
    """A process that runs cases."""

    def __init__(self, seed: int) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=work, args=(theirs, seed), daemon=True)
        self.process.start()
        theirs.close()

    def run(self, number: int) -> tuple[list[str], float, float] | None:
        """What came of a case; None where the process hung or died."""
        self.pipe.send(number)
        try:
            if self.pipe.poll(HANGS):
                answer: tuple[list[str], float, float] = self.pipe.recv()
                return answer
        except EOFError:
            pass
        self.process.kill()
        self.process.join()
        return None


def main() -> int:
    """Run the campaign; 1 where something failed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--only", type=int, help="one case, in this process")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    asked = parser.parse_args()
    if asked.only is not None:
        case = campaign.case(asked.seed, asked.only)
        print(f"{case.kind}, {case.origin}, {len(case.data)} bytes")
        print("\n".join(case.failures()) or "holds")
        return 0
    print(f"seed {asked.seed}", flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    end, number, failed = time.monotonic() + 60 * asked.minutes, asked.first, 0
    worker = Worker(asked.seed)
    while time.monotonic() < end:
        came = worker.run(number)
        case = campaign.case(asked.seed, number)
        if came is None:
            problems = [f"died or took more than {HANGS:.0f} s"]
            worker = Worker(asked.seed)
        else:
            problems, seconds, megabytes = came
            # The oracles check an instance three times.
            if len(case.data) < SMALL and seconds > 3 * SECONDS:
                problems.append(f"{seconds:.1f} s of processor time for {len(case.data)} bytes")
            if len(case.data) < SMALL and megabytes > MEGABYTES:
                problems.append(f"{megabytes:.0f} MB for {len(case.data)} bytes")
        if problems:
            failed += 1
            (asked.out / f"{asked.seed}-{number}.bin").write_bytes(case.data)
            print(f"case {number} ({case.kind}, {case.origin}): {' | '.join(problems)}", flush=True)
        number += 1
    print(
        f"{number - asked.first} cases, {failed} failed; again: make fuzz FUZZ='--seed {asked.seed} --only NUMBER'"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
