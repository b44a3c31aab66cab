"""How long a world takes to load from a file in one process, and how much memory it then needs.

Each figure comes from a process of its own. Beside it stands the least that any loader must do:
reading the same file with Python's own json and keeping what comes out.

    python benchmarks/load_world.py S M L XL
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def resident_mib() -> float:
    """Memory of this process that is in RAM now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib() -> float:
    """The most memory that this process has had in RAM, in MiB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024


def measure(way: str, path: str) -> dict[str, float]:
    """Load `path` in this process: as a directory, or with json alone."""
    sys.path.insert(0, str(ROOT))
    from service.bootstrap import read_directory
    from service.config import Settings
    from service.policy.policy_set import read_policy_set

    schema = read_policy_set(Settings().policies).schema
    before = resident_mib()
    begin = time.perf_counter()
    if way == "directory":
        kept = read_directory(Path(path), schema, levels=3)
        count = len(kept.records)
    else:
        kept = json.loads(Path(path).read_bytes())
        count = sum(len(section) for section in kept.values())
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "kept_mib": resident_mib() - before,
        "peak_mib": peak_mib(),
        "entries": count,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("profiles", nargs="*", default=["S", "M", "L"], help="S, M, L, XL")
    parser.add_argument("--child", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*options.child)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'profile':8}{'file MiB':>9}{'way':>11}{'seconds':>9}{'kept MiB':>10}{'peak MiB':>10}")
    for profile in options.profiles:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "world.json"
            generate = [sys.executable, str(ROOT / "fixtures" / "generate.py"), profile]
            subprocess.run([*generate, "--output", str(path)], check=True, capture_output=True)
            size = path.stat().st_size / 2**20
            seconds = {}
            for way in ("json", "directory"):
                command = [sys.executable, __file__, "--child", way, str(path)]
                answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                seconds[way] = answer["seconds"]
                print(
                    f"{profile:8}{size:9.1f}{way:>11}{answer['seconds']:9.2f}"
                    f"{answer['kept_mib']:10.0f}{answer['peak_mib']:10.0f}"
                )
            print(f"{profile:8}directory / json: {seconds['directory'] / seconds['json']:.1f}")


if __name__ == "__main__":
    main()
