#!/usr/bin/env python3
"""Writes the tables of a page in docs/benchmarks from the raw measurements beside it, so that text and figures cannot drift apart.

  benchmarks/tables.py docs/benchmarks/epyc-zen5.md            fills what stands between <!-- table: NAME FOLDER --> and <!-- end -->
  benchmarks/tables.py --check docs/benchmarks/epyc-zen5.md    exit code 1 where the page says something else than its data

FOLDER, beside the page, holds what benchmarks/peers/run.sh and he_bench wrote: peers.jsonl, he_bench-N.json, he_onednn-N.json; recorded.json: figures of peers that
were measured elsewhere, with their source.
"""
import json
import pathlib
import re
import statistics
import sys

ARITHMETIC = {"float32": "float32", "bfloat16": "bf16", "int8": "8 bits"}


class Raw:
    """Measurements of one folder."""

    def __init__(self, folder):
        self.folder = folder
        peers = folder / "peers.jsonl"
        self.lines = [json.loads(line) for line in peers.read_text().splitlines() if line.strip()] if peers.exists() else []
        recorded = folder / "recorded.json"
        self.recorded = json.loads(recorded.read_text()) if recorded.exists() else {}

    def results(self, who, **wanted):
        return [line["result"] for line in self.lines if line["who"] == who and all(line["result"].get(k) == v for k, v in wanted.items())]

    def programs(self, name):
        return [json.loads(p.read_text()) for p in sorted(self.folder.glob(f"{name}-*.json"))]


def rate(results, key="tokens_per_s"):
    """Median of the rounds' medians, and their range: 'M (a-b)'."""
    values = [r[key] for r in results if key in r]
    if not values:
        return None, "-"
    middle = statistics.median(values)
    digits = 0 if middle >= 100 else 1
    return middle, f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})" if len(values) > 1 else f"{middle:.{digits}f}"


def table(head, rows):
    if not rows:
        return "Not measured yet."
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)] + ["| " + " | ".join(r) + " |" for r in rows])


def ratio(a, b):
    return f"**{a / b:.2f}**" if a and b else "-"


def share(results):
    roofs = [r["roof"] for r in results if "roof" in r]
    return f"{statistics.median(r['share'] for r in roofs):.0%} ({roofs[0]['limit']})" if roofs else "-"


def models(raw):
    names = []
    for line in raw.lines:
        shape = line["result"].get("shape", "")
        if shape.endswith(".gguf") and shape not in names:
            names.append(shape)
    return names


def types(raw, shape):
    """What we computed in on a file: (dtype of products, weights)."""
    return sorted({(r["dtype"], r["weights"]) for r in raw.results("ours", shape=shape)}, key=lambda t: list(ARITHMETIC).index(t[0]))


def file_rows(raw, what, batch):
    rows = []
    for shape in models(raw):
        name = pathlib.Path(shape).name
        theirs, text = rate(raw.results("llama.cpp", model=name, what="decode" if what == "generate" else what, batch=batch))
        for dtype, weights in types(raw, shape):
            results = raw.results("ours", shape=shape, what=what, batch=batch, dtype=dtype, weights=weights)
            if not results:
                continue
            ours, shown = rate(results, "decode_tokens_per_s" if what == "generate" else "tokens_per_s")
            # Beside figures of llama.cpp from elsewhere, where there are some for this model (SmolLM2): the same type, and its fastest.
            recorded = {t: r[f"{what} {batch}"] for t, r in raw.recorded.get("llama.cpp", {}).items()} if name.startswith("SmolLM2") else {}
            same, fastest = recorded.get(name.removesuffix(".gguf").split(".")[-1]), max(recorded.values(), default=None)
            rows.append([name.removesuffix(".gguf"), ARITHMETIC[dtype], shown, text, ratio(ours, theirs), f"{same:g}" if same else "-", ratio(ours, same),
                         f"{fastest:g}" if fastest else "-", ratio(ours, fastest)])
    return rows


FILE_HEAD = ["file", "our products", "ours, tokens/s", "llama.cpp here", "ratio", "llama.cpp recorded, same type", "ratio", "recorded, its fastest type", "ratio"]


def answer(raw):
    return table(FILE_HEAD, file_rows(raw, "generate", 1))


def read(raw):
    return table(FILE_HEAD, file_rows(raw, "prefill", 1))


def batches(raw):
    rows = [[f"{batch}"] + r for batch in (8, 32) for r in file_rows(raw, "generate", batch)]
    return table(["sequences"] + FILE_HEAD, rows)


def torch_columns(raw, what, batch, ours, dtype):
    """PyTorch here, by its factor, and as recorded."""
    theirs, text = rate(raw.results("torch", what=what, batch=batch))
    factor = raw.recorded.get("factors", {}).get(what)
    recorded = raw.recorded.get(f"{what} {batch}", {}).get("bfloat16" if dtype == "bfloat16" else "float32")
    return [text if dtype == "float32" else "-", ratio(ours, theirs * factor) if theirs and factor and dtype == "float32" else "-",
            f"{recorded:g}" if recorded else "-", ratio(ours, recorded) if recorded else "-"]


def steps(raw, what):
    rows = []
    cases = sorted({(r["batch"], r["prompt"], r["new"]) for r in raw.results("ours", what=what, shape="smollm2-135m")}, key=str)
    for batch, prompt, new in cases:
        for dtype in ARITHMETIC:
            results = raw.results("ours", what=what, shape="smollm2-135m", batch=batch, prompt=prompt, new=new, dtype=dtype)
            if not results:
                continue
            ours, shown = rate(results)
            size = f"{batch} x ({prompt} + {new})" if new else f"{batch} x {prompt}"
            rows.append([size, ARITHMETIC[dtype], shown] + torch_columns(raw, what, batch, ours, dtype) + [share(results), f"{max(r['peak_mib'] for r in results)}"])
    return table(["case", "products", "ours, tokens/s", "PyTorch 1.13 here", "ratio to 2.13 by the factor", "recorded, PyTorch 2.13", "ratio", "of the roof", "peak MiB"], rows)


def rollout(raw):
    return steps(raw, "generate")


def prefill(raw):
    return steps(raw, "prefill")


def train(raw):
    return steps(raw, "train")


def rlhf(raw):
    rows = []
    recorded = raw.recorded.get("rlhf 8", {}).get("seconds")
    for dtype in ARITHMETIC:
        results = raw.results("ours", what="rlhf", dtype=dtype)
        if not results:
            continue
        seconds = statistics.median(r["seconds_median"] for r in results)
        every = [s for r in results for s in r["seconds"]]
        spread = f" ({min(every):.2f}-{max(every):.2f})" if len(every) > 1 else ""
        part = {p: statistics.median(r["parts"][p] for r in results) for p in ("generate", "score", "train")}
        rows.append([ARITHMETIC[dtype], f"{seconds:.2f}{spread}"]
                    + [f"{part[p]:.2f}" for p in part] + [f"{recorded:g}", f"**{recorded / seconds:.2f}**", share(results), f"{max(r['peak_mib'] for r in results)}"])
    return table(["products", "a step, s", "generate", "score", "train", "recorded, PyTorch 2.13 float32, s", "ratio", "of the roof", "peak MiB"], rows)


def kernel_medians(runs):
    """Median of the rounds' medians by name, and of their shares."""
    found = {}
    for run in runs:
        for k in run["kernels"]:
            found.setdefault(k["name"], []).append(k)
    return {n: (statistics.median(k["median"] for k in ks), statistics.median(k["share"] for k in ks), ks[0]) for n, ks in found.items()}


def products(raw):
    ours, theirs = kernel_medians(raw.programs("he_bench")), kernel_medians(raw.programs("he_onednn"))
    rows = []
    for name, (seconds, part, kernel) in ours.items():
        peer = re.sub(r"^int8 q\w+ ", "int8 linear ", name)  # whatever the type of the file, products of 8 bits
        if peer in theirs:
            other, other_part, _ = theirs[peer]
            rows.append([name, f"{seconds * 1e3:.3f}", f"{kernel['operations'] / seconds * 1e-12:.3f}", f"{part:.0%}", f"{other * 1e3:.3f}", f"{other_part:.0%}", ratio(other, seconds)])
    return table(["product, rows x inputs x outputs", "ours, ms", "Top/s", "of the roof", "oneDNN, ms", "of the roof", "oneDNN's time over ours"], rows)


def roofs(raw):
    found = {}
    for run in raw.programs("he_bench") + raw.programs("kernels"):
        for r in run["roofs"]:
            found.setdefault((r["name"], r["unit"]), []).append(r)
    rows = [[name, f"{statistics.median(r['median'] for r in rs):.3f}", f"{max(r['best'] for r in rs):.3f}", unit] for (name, unit), rs in found.items()]
    return table(["limit", "median", "best", ""], rows)


def kernels(raw):
    rows = []
    for name, (seconds, part, k) in kernel_medians(raw.programs("kernels")).items():
        moved = k["bytes_read"] + k["bytes_written"]
        rows.append([name, f"{k['operations'] * 1e-9:.3f}", f"{moved * 1e-6:.2f}", f"{seconds * 1e3:.3f}", f"{k['p90'] / k['p10']:.2f}",
                     f"{k['operations'] / seconds * 1e-12:.3f}", f"{moved / seconds * 1e-9:.1f}", f"{part:.0%}", k["limit"]])
    return table(["kernel", "Gop", "MB", "median ms", "spread", "Top/s", "GB/s", "of the roof", "limit"], rows)


def threads(raw):
    by = {run["threads"]: kernel_medians([run]) for run in raw.programs("threads")}
    counts = sorted(by)
    rows = [[name] + [f"{by[t][name][0] * 1e3:.3f}" for t in counts] + [f"{by[counts[0]][name][0] / by[counts[-1]][name][0]:.2f}"] for name in by[counts[0]]] if counts else []
    return table(["kernel"] + [f"{t} thread{'s' if t > 1 else ''}, ms" for t in counts] + ["speed-up"], rows)


TABLES = {f.__name__: f for f in (answer, read, batches, rollout, prefill, train, rlhf, products, roofs, kernels, threads)}


def fill(page):
    text = page.read_text()

    def written(match):
        name, folder = match.group(1), match.group(2)
        if name not in TABLES:
            sys.exit(f"error: {page}: found table '{name}', expected one of {', '.join(TABLES)}")
        return f"<!-- table: {name} {folder} -->\n{TABLES[name](Raw(page.parent / folder))}\n<!-- end -->"

    return text, re.sub(r"<!-- table: (\w+) (\S+) -->\n.*?<!-- end -->", written, text, flags=re.S)


def main():
    check, pages = "--check" in sys.argv, [pathlib.Path(a) for a in sys.argv[1:] if a != "--check"]
    if not pages:
        sys.exit(__doc__)
    stale = False
    for page in pages:
        old, new = fill(page)
        if old == new:
            continue
        if check:
            print(f"{page}: tables differ from their data (benchmarks/tables.py {page} writes them)")
            stale = True
        else:
            page.write_text(new)
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    main()
