"""`python -m tests.planted`: every fault, what it stands for, its test, and whether the test saw it.

Words choose faults whose name holds one of them; --today those of `make test`.
"""

import sys
import tempfile
from pathlib import Path

from tests.planted.plant import chosen, copy, faults, planted, run, seed, wrong


def main(words: list[str]) -> int:
    """Print the table; 1 where a fault slipped by."""
    named = [word for word in words if word != "--today"]
    everything = chosen(seed()) if "--today" in words else faults()
    asked = [fault for fault in everything if not named or any(word in fault.name for word in named)]
    slipped = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = copy(Path(folder) / "project")
        for fault in asked:
            seen = wrong(fault)
            if not seen:
                with planted(tree, fault):
                    status, _ = run(tree, fault.test)
                seen = "red" if status == 1 else f"SLIPPED (pytest ended with {status})"
            slipped += seen != "red"
            print(f"{fault.room:12}{fault.stands_for:74}{fault.test:100}{seen}", flush=True)
    print(f"{len(asked) - slipped} of {len(asked)} faults were seen.")
    return int(bool(slipped))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
