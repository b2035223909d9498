"""Times scipy on every data set of a folder; prints one JSON line each.

scipy has the test's p-value but no interval and no shift, so its column is the p-value alone, and the shift beside
it is the median of all differences by numpy: the plain definition of the Hodges-Lehmann estimate.
    python scipy_check.py FOLDER
"""
import glob, json, os, statistics, sys, time

import numpy as np
from scipy.stats import mannwhitneyu


def timed(call):
    call()
    times = []
    while len(times) < 3 or (sum(times) < 1.0 and len(times) < 200):
        begun = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - begun)
    return result, statistics.median(times)


for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.csv"))):
    sides = {"experiment": [], "control": []}
    for line in open(path):
        side, value = line.strip().split(",")
        sides[side.strip('"')].append(float(value))
    x, y = np.array(sides["experiment"]), np.array(sides["control"])
    _, p_seconds = timed(lambda: mannwhitneyu(x, y, method="asymptotic"))
    shift, shift_seconds = timed(lambda: float(np.median(np.subtract.outer(x, y))))
    print(json.dumps({"name": os.path.basename(path)[:-4], "p_seconds": p_seconds,
                      "shift": shift, "shift_seconds": shift_seconds}))
