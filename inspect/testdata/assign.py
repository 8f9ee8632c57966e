"""Writes assign.json: matrices, and the largest sum that a choice of one column for
every row has, by scipy.optimize.linear_sum_assignment."""

import json

import numpy as np
from scipy.optimize import linear_sum_assignment

rng = np.random.default_rng(1)
close = rng.normal(size=(30, 30)) * 0.1
close[np.arange(30), rng.permutation(30)] += 0.9
rank_one = np.outer(rng.normal(size=25), rng.normal(size=25))
ties = rng.integers(0, 3, size=(40, 40)).astype(float)
dead = rng.normal(size=(30, 30))
dead[::3] = 0
dead[:, 1::4] = 0
cases = {"random": rng.normal(size=(40, 40)), "close": close, "rank one": rank_one, "ties": ties, "dead": dead, "large": rng.normal(size=(20, 20)) * 1e4}
out = []
for name, value in cases.items():
    value = np.round(value, 3).astype(np.float32)
    rows, columns = linear_sum_assignment(value.astype(np.float64), maximize=True)
    best = value.astype(np.float64)[rows, columns].sum()
    out.append({"Name": name, "Value": [[float(str(x)) for x in row] for row in value], "Best": float(best)})
with open("assign.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
