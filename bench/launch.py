"""Run a program and write down what it took: `python -I -S launch.py REPORT PROGRAM ARGUMENT...`

A process of its own, and a small one: Linux counts towards the peak memory of a program what the
process held that forked it, which would be all of the benchmark. So nothing is imported here that
is not built in.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys
import time

WORKING = (0, 1, 2, 5, 6)  # /proc/stat: user nice system idle iowait irq softirq steal ...


def machine_cpu() -> float:
    """CPU seconds that the whole machine has worked since it started."""
    with open("/proc/stat") as file:  # noqa: PTH123 - pathlib is not built in
        fields = file.readline().split()[1:]
    return sum(int(fields[index]) for index in WORKING) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    report, argv = sys.argv[1], sys.argv[2:]
    epoch, began, worked = time.time(), time.monotonic(), machine_cpu()
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    # Who ends the group waits for this process: not before the program has cleaned up.
    _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
    _, status, usage = os.wait4(pid, 0)
    wall, cpu = time.monotonic() - began, machine_cpu() - worked
    figures = (
        pid, os.waitstatus_to_exitcode(status), epoch, wall, cpu,
        usage.ru_utime + usage.ru_stime, usage.ru_maxrss,
    )
    with open(report, "w") as file:  # noqa: PTH123
        file.write(" ".join(map(str, figures)))


if __name__ == "__main__":
    main()
