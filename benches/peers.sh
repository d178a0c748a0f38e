#!/bin/sh
# Times `cotag frequencies` in turn with other tools on the same made-up posts and prints ratios.
#
#   benches/peers.sh [POSTS]        (default 1000000)
#
# Needs cargo and python3; uses what it finds of jq and of the Python packages duckdb and chdb
# (`python3 -m venv v && v/bin/pip install duckdb chdb`, then PYTHON=v/bin/python benches/peers.sh).
# Everything it makes is in a temporary directory. Shared machines: trust the ratios, not the times.
set -eu
posts=${1:-1000000}
cd "$(dirname "$0")/.."
cargo build --release --quiet --bin cotag --example make_posts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for layout in lines dump ndjson; do
    target/release/examples/make_posts research "$layout" "$posts" > "$work/research-$layout.json"
done
target/release/examples/make_posts web lines "$((posts / 5))" > "$work/web-lines.json"
exec "${PYTHON:-python3}" - "$work" "$PWD/target/release/cotag" <<'PYTHON'
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time

work, cotag = sys.argv[1:]
ROUNDS = 5


def sql(package, query):
    code = f"import {package}; print({package}.{'sql' if package == 'duckdb' else 'query'}({query!r}))"
    return [sys.executable, "-c", code]


def tools(path, shape, layout):
    yield "wc -l", ["wc", "-l", path]
    yield "cotag", [cotag, "-q", "frequencies", path, "20"]
    if shape == "research":
        if importlib.util.find_spec("duckdb"):
            form = "newline_delimited" if layout == "ndjson" else "array"
            yield "duckdb", sql("duckdb", f"""select tag, count(*) n from (select unnest(list_distinct(hashtag_names)) tag
                from read_json('{path}', format='{form}', columns={{hashtag_names: 'VARCHAR[]'}}, maximum_object_size=100000000))
                group by tag order by n desc limit 20""")
        if importlib.util.find_spec("chdb"):
            yield "chdb", sql("chdb", f"""select arrayJoin(arrayDistinct(hashtag_names)) tag, count() n
                from file('{path}', 'JSONEachRow', 'hashtag_names Array(String)') group by tag order by n desc limit 20""")
        if shutil.which("jq"):
            member = ".hashtag_names[]" if layout == "ndjson" else ".[].hashtag_names[]"
            yield "jq", ["sh", "-c", f"jq -r '{member}' '{path}' | sort | uniq -c | sort -rn | head -20"]


def run(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024) if status == 0 else None


for name in sorted(os.listdir(work)):
    path = os.path.join(work, name)
    shape, layout = name.removesuffix(".json").split("-")
    commands = dict(tools(path, shape, layout))
    results = {tool: [] for tool in commands}
    for number in range(ROUNDS):
        for tool, command in commands.items():
            if number < 2 or tool != "jq":
                results[tool].append(run(command))
    print(f"\n{name}, {os.path.getsize(path) / 1e6:.0f} MB\n\n| tool | wall s | cpu s | peak MiB | x cotag wall | x cotag cpu |\n| --- | --- | --- | --- | --- | --- |")
    for tool, runs in results.items():
        if None in runs:
            print(f"| {tool} | failed | | | | |")
            continue
        middle = [statistics.median(column) for column in zip(*runs)]
        pairs = [[a / b for a, b in zip(one, ours)] for one, ours in zip(runs, results["cotag"])]
        wall, cpu, _ = (statistics.median(column) for column in zip(*pairs))
        print(f"| {tool} | {middle[0]:.3f} | {middle[1]:.3f} | {middle[2]:.0f} | {wall:.1f} | {cpu:.1f} |")
PYTHON
