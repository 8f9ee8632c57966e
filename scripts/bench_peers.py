#!/usr/bin/env python3
"""Weft's speed beside that of other programs, as a Markdown table. Needs Python alone.

    python scripts/bench_peers.py speed MODEL.gguf ... --weft weft --peer "llama.cpp=llama-bench" --peer "ik=llama-bench -rtr 1"
    python scripts/bench_peers.py speed MODEL.gguf --depth 16384 --gen 32 ...
    python scripts/bench_peers.py first MODEL.gguf --weft weft

`speed` measures reading a prompt and generating. A peer is a name and a command
that takes llama-bench's options (-m -t -p -n -d -r -o json). Each round runs
every program once, one after the other, in an order that turns, so that all see
the same neighbours on a shared machine; medians and, in brackets, least and most.
The ratio is against the fastest peer of each cell. A peer that cannot run a model
has no figure, and the reason goes to standard error.

`first` measures the time from starting the process until the first token of an
answer to a prompt of five tokens is on standard output, with the file in the
system's cache.

--before "chrt -r 1" puts a command before each program. One JSON line per run
goes to the file that --log names.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

KINDS = ("prefill", "decode")


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        why = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise RuntimeError(f"{shlex.join(command)}: {why}") from None


class Weft:
    def __init__(self, command, args):
        self.name, self.command, self.args = "Weft", shlex.split(command), args
        self.shares = {k: [] for k in KINDS}

    def measure(self, model):
        a = self.args
        doc = run_json([*a.before, *self.command, "bench", str(model), "--json", "-q", "--repeat=1",
                        f"--threads={a.threads}", f"--prompt={a.prompt}", f"--gen={a.gen}", f"--depth={a.depth}"])
        for kind in KINDS:
            self.shares[kind].append(doc["share"][kind])
        return {kind: doc[f"{kind}_tokens_per_s"] for kind in KINDS}


class Peer:
    def __init__(self, spec, args):
        self.name, _, command = spec.partition("=")
        self.command, self.args = shlex.split(command), args

    def measure(self, model):
        a = self.args
        tests = run_json([*a.before, *self.command, "-m", str(model), "-t", str(a.threads), "-p", str(a.prompt),
                          "-n", str(a.gen), *(["-d", str(a.depth)] if a.depth else []), "-r", "1", "-o", "json"])
        return {"decode" if t["n_prompt"] == 0 else "prefill": t["avg_ts"] for t in tests if 0 in (t["n_prompt"], t["n_gen"])}


def digits(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}"


def cell(values):
    if not values:
        return "–"
    return f"{digits(statistics.median(values))} ({digits(min(values))}–{digits(max(values))})"


def speed(args):
    peers = [Peer(p, args) for p in args.peer]
    names = ["Weft", *(p.name for p in peers)]
    print("| model | | " + " | ".join(names) + " | Weft against the best | share of the limit |")
    print("|---" * (len(names) + 4) + "|", flush=True)
    for model in args.model:
        weft = Weft(args.weft, args)
        programs = [weft, *peers]
        rates = {p.name: {k: [] for k in KINDS} for p in programs}
        for r in range(args.rounds):
            turn = r % len(programs)
            for p in programs[turn:] + programs[:turn]:
                try:
                    found = p.measure(model)
                except RuntimeError as e:
                    print(e, file=sys.stderr)
                    continue
                for kind, rate in found.items():
                    rates[p.name][kind].append(rate)
                if args.log:
                    with open(args.log, "a") as log:
                        print(json.dumps({"model": model.stem, "program": p.name, "depth": args.depth, **found}), file=log)
        for kind, n in zip(KINDS, (args.prompt, args.gen)):
            medians = {name: statistics.median(r[kind]) for name, r in rates.items() if r[kind]}
            best = max((m for name, m in medians.items() if name != "Weft"), default=0)
            ratio = f"{medians['Weft'] / best:.2f}×" if best and "Weft" in medians else "–"
            share = f"{100 * statistics.median(weft.shares[kind]):.0f} %" if weft.shares[kind] else "–"
            at = f" after {args.depth}" if args.depth else ""
            row = [model.stem, f"{kind} {n}{at}", *(cell(rates[name][kind]) for name in names), ratio, share]
            print("| " + " | ".join(row) + " |", flush=True)


def first(args):
    print("| model | first token, ms |\n|---|---|", flush=True)
    for model in args.model:
        command = [*args.before, *shlex.split(args.weft), "run", str(model), "-p", args.text, "--max-tokens=1", "--temp=0", "-q"]
        times = []
        for _ in range(args.rounds + 1):
            start = time.perf_counter()
            with subprocess.Popen(command, stdout=subprocess.PIPE) as p:
                if not p.stdout.read(1):
                    raise SystemExit(f"{shlex.join(command)} printed nothing")
                times.append(1e3 * (time.perf_counter() - start))
        print(f"| {model.stem} | {cell(times[1:])} |", flush=True)  # the first run warmed the system's cache


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("model", type=Path, nargs="+")
    common.add_argument("--weft", default="weft")
    common.add_argument("--rounds", type=int, default=5)
    common.add_argument("--before", type=shlex.split, default=[])
    s = commands.add_parser("speed", parents=[common])
    s.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    s.add_argument("--threads", type=int, default=2)
    s.add_argument("--prompt", type=int, default=512)
    s.add_argument("--gen", type=int, default=128)
    s.add_argument("--depth", type=int, default=0)
    s.add_argument("--log", metavar="FILE")
    s.set_defaults(run=speed)
    f = commands.add_parser("first", parents=[common])
    f.add_argument("--text", default="The capital of France is", help="a prompt of five tokens")
    f.set_defaults(run=first)
    args = p.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
