"""What benches/peers.sh runs: makes posts, times tools on them in turn, prints tables with ratios."""
import collections
import importlib.metadata
import importlib.util
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "5"))
# Tools so slow that two runs must do, once they take longer than this.
PATIENCE = 20
ADDED = 1000
skipped = set()


def skip(tool, why):
    if tool not in skipped:
        skipped.add(tool)
        print(f"SKIPPED: {tool}: {why}", file=sys.stderr, flush=True)


def has(package):
    if importlib.util.find_spec(package):
        return True
    skip(package, "its Python package is not installed (remove target/peers/done to try again)")
    return False


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def duckdb(statement, database=":memory:"):
    code = "import duckdb, sys; print(len(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    return python(code, database, statement)


def chdb(statement):
    return python("import chdb, sys; print(chdb.query(sys.argv[1], 'CSV'))", statement)


# ------------------------------------------------------------------ counting a file

# The seed tool imports libraries that draw and that fetch; counting needs none of them.
STUBS = """
import sys, types
class Anything(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        def decorator(*given, **named):
            return given[0] if len(given) == 1 and callable(given[0]) else lambda function: function
        return decorator
for name in ('matplotlib', 'matplotlib.pyplot', 'matplotlib.ticker', 'seaborn', 'requests', 'yt_dlp', 'yt_dlp.utils',
             'tenacity', 'TikTokApi', 'playwright', 'playwright._impl', 'playwright._impl._errors'):
    sys.modules[name] = Anything(name)
for module in ('yt_dlp.utils', 'tenacity', 'playwright._impl._errors'):
    for name in ('Error', 'ExtractorError', 'DownloadError', 'TryAgain'):
        setattr(sys.modules[module], name, type(name, (Exception,), {}))
"""


def seed(peers, version, call, renamed, path):
    """The tool's own function, its field names changed to those of the file."""
    folder = os.path.join(peers, version, "tiktok_hashtag_analysis")
    name = {"1.0.4": "hashtag_frequencies.py", "2.0.3": "base.py"}[version]
    source = os.path.join(folder, name)
    if not os.path.exists(source):
        skip(f"tiktok-hashtag-analysis {version}", "it is not installed (remove target/peers/done to try again)")
        return None
    text = open(source, encoding="utf-8").read()
    for old, new in renamed:
        if old not in text:
            skip(f"tiktok-hashtag-analysis {version}", f"its source does not say {old!r}")
            return None
        text = text.replace(old, new)
    os.makedirs(os.path.join(peers, "loaded"), exist_ok=True)
    loaded = os.path.join(peers, "loaded", f"seed{version.replace('.', '')}{'r' if len(renamed) else ''}{os.path.basename(path)[:3]}.py")
    with open(loaded, "w", encoding="utf-8") as file:
        file.write(text)
    code = STUBS + f"""
module = types.ModuleType('seed')
exec(compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec'), module.__dict__)
{call}
"""
    return python(code, loaded, path)


def counting(cotag, peers, path, shape, layout):
    yield "wc -l", ["wc", "-l", path]
    yield "cotag", [cotag, "-q", "frequencies", path, "20"]
    array = layout != "ndjson"
    if shape == "research":
        column, tags, clickhouse = "{hashtag_names: 'VARCHAR[]'}", "hashtag_names", ("hashtag_names Array(String)", "hashtag_names")
        pick = ".hashtag_names | unique[]"
    else:
        column = "{textExtra: 'STRUCT(hashtagName VARCHAR)[]'}"
        tags, clickhouse = "[x.hashtagName for x in textExtra]", ("textExtra Array(Tuple(hashtagName String))", "textExtra.hashtagName")
        pick = "[.textExtra[].hashtagName] | unique[]"
    if has("duckdb"):
        form = "array" if array else "newline_delimited"
        yield "DuckDB", duckdb(f"""select tag, count(*) n from (select unnest(list_distinct({tags})) tag from read_json('{path}',
            format='{form}', columns={column}, maximum_object_size=1000000000)) group by tag order by n desc limit 20""")
    if has("chdb"):
        yield "ClickHouse (chDB)", chdb(f"""select arrayJoin(arrayDistinct({clickhouse[1]})) tag, count() n
            from file('{path}', 'JSONEachRow', '{clickhouse[0]}') group by tag order by n desc limit 20
            settings input_format_skip_unknown_fields = 1""")
    if not shutil.which("jq"):
        skip("jq", "it is not installed")
    else:
        each = f".[] | {pick}" if array else pick
        yield "jq, sort, uniq", ["sh", "-c", 'jq -r "$1" "$2" | LC_ALL=C sort | uniq -c | sort -rn | head -20', "sh", each, path]
    if array:
        yield "tiktok-hashtag-analysis 1.0.4", seed(peers, "1.0.4", "module.get_occurrences(sys.argv[2], 20)", [
            ('[tag["name"] for tag in ele["hashtags"]]',
             'ele["hashtag_names"]' if shape == "research" else '[tag["hashtagName"] for tag in ele["textExtra"]]')], path)
        yield "tiktok-hashtag-analysis 2.0.3", seed(
            peers, "2.0.3", "module.aggregate_cooccurring_hashtags(sys.argv[2]).most_common(20)",
            [('hashtag["hashtagName"]', "hashtag"), ('hashtag.get("hashtagName")', "hashtag"), ('"textExtra"', '"hashtag_names"')]
            if shape == "research" else [], path)


# ------------------------------------------------------------------ a store

def questions(other):
    """What is asked of a store: cotag's options, and the same as SQL, where that has words for it."""
    tags = "select unnest(list_distinct(hashtag_names)) tag, username, view_count from posts"
    plain = "select tag, count(*) n from ({}) group by tag order by n desc limit 20"
    return {
        "all posts": ([], plain.format(tags)),
        "of two days": (["--since", "2020-09-14", "--until", "2020-09-15"],
                        plain.format(f"{tags} where create_time >= 1600041600 and create_time < 1600214400")),
        f"with #{other}": (["--require-tags", other], plain.format(f"{tags} where list_contains(hashtag_names, '{other}')")),
        "authors and views": (["--columns", "authors,views"],
                              f"select tag, count(*) n, count(distinct username), median(view_count) from ({tags}) "
                              "group by tag order by n desc limit 20"),
        "one post per author": (["--one-per-author"], None),
    }


def importing(cotag, work, path):
    """Each run into a store or table of its own."""
    store = os.path.join(work, "new-store")
    table = os.path.join(work, "new.duckdb")

    def fresh():
        shutil.rmtree(store, ignore_errors=True)
        if os.path.exists(table):
            os.remove(table)

    yield "cotag", fresh, [cotag, "-q", "--data-dir", store, "import", "-t", "london", "--keep-untagged", path]
    if has("duckdb"):
        yield "DuckDB (a table of all columns)", fresh, duckdb(
            f"create table posts as select * from read_json('{path}', format='newline_delimited')", table)
    yield "SQLite (id and text)", fresh, python(SQLITE_MAKE, os.path.join(work, "import.sqlite"), path)


SQLITE_MAKE = """
import json, os, sqlite3, sys
if os.path.exists(sys.argv[1]):
    os.remove(sys.argv[1])
database = sqlite3.connect(sys.argv[1])
database.execute('create table posts (id integer primary key, post text)')
with database, open(sys.argv[2], encoding='utf-8') as file:
    database.executemany('insert or ignore into posts values (?, ?)', ((json.loads(line)['id'], line) for line in file))
"""
SQLITE_ADD = """
import json, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
with database, open(sys.argv[2], encoding='utf-8') as file:
    database.executemany('insert or ignore into posts values (?, ?)', ((json.loads(line)['id'], line) for line in file))
"""
DUCKDB_ADD = """
import duckdb, sys
duckdb.connect(sys.argv[1]).execute("insert or ignore into posts select cast(json->>'id' as bigint), json "
    "from read_json_objects('" + sys.argv[2] + "', format='newline_delimited')")
"""
# What tiktok-hashtag-analysis 2 does once it has fetched posts: the file is read, merged and written as a whole.
MERGE = """
import json, sys
stored = json.load(open(sys.argv[1], encoding='utf-8'))
fetched = [json.loads(line) for line in open(sys.argv[2], encoding='utf-8')]
ids = {post['id'] for post in fetched}
with open(sys.argv[1], 'w', encoding='utf-8') as file:
    json.dump([post for post in stored if post['id'] not in ids] + fetched, file)
"""


def run(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = status
    if status != 0:
        return errors.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def table(title, commands, per_second=None):
    """Runs the commands in turn; each is a list of words, or a function that gives one for a round."""
    commands = {tool: command for tool, command in commands.items() if command}
    results = {tool: [] for tool in commands}
    for number in range(ROUNDS):
        for tool, command in commands.items():
            done = results[tool]
            if done and (isinstance(done[-1], list) or number >= 2 and done[-1][0] > PATIENCE):
                continue
            done.append(run(command(number) if callable(command) else command))
    speed = " MB/s |" if per_second else ""
    print(f"\n### {title}\n\n| tool | wall s | cpu s | peak MiB |{speed} × cotag's wall | × cotag's cpu |")
    print("| --- | --- | --- | --- |" + (" --- |" if per_second else "") + " --- | --- |")
    ours = results["cotag"]
    for tool, runs in results.items():
        failed = [one for one in runs if isinstance(one, list)]
        if failed:
            skip(f"{tool} ({title})", f"it failed: {failed[0][0]}")
            continue
        wall, cpu, peak = (statistics.median(column) for column in zip(*runs))
        pairs = [(a[0] / b[0], a[1] / b[1]) for a, b in zip(runs, ours) if isinstance(b, tuple) and b[1] > 0]
        ratios = [statistics.median(column) for column in zip(*pairs)] or [float("nan")] * 2
        # A process that is started shows no less than the one that starts it.
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = f"{peak:.0f}" if peak > floor * 1.02 else f"< {floor:.0f}"
        rate = f" {per_second / wall / 1e6:.0f} |" if per_second else ""
        print(f"| {tool} | {wall:.3f} | {cpu:.3f} | {peak} |{rate} {ratios[0]:.1f} | {ratios[1]:.1f} |", flush=True)


def make(make_posts, work, shape, layout, posts):
    path = os.path.join(work, f"{shape}-{layout}.json")
    with open(path, "wb") as file:
        subprocess.run([make_posts, shape, layout, str(posts)], stdout=file, check=True)
    return path


def files(cotag, make_posts, peers, work, posts):
    for shape, layout, count in [("research", "lines", posts), ("research", "ndjson", posts), ("research", "dump", posts),
                                 ("web", "lines", max(posts // 5, 1))]:
        path = make(make_posts, work, shape, layout, count)
        size = os.path.getsize(path)
        table(f"Counting a file: {shape}, {count:,} posts, {layout}, {size / 1e6:.0f} MB",
              dict(counting(cotag, peers, path, shape, layout)), size)
        os.remove(path)


def stores(cotag, make_posts, work, posts):
    everything = make(make_posts, work, "research", "ndjson", posts + ROUNDS * ADDED)
    first = os.path.join(work, "first.ndjson")
    more = [os.path.join(work, f"more-{number}.ndjson") for number in range(ROUNDS)]
    with open(everything, encoding="utf-8") as lines:
        for path, count in [(first, posts), *((path, ADDED) for path in more)]:
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(next(lines) for _ in range(count))
    os.remove(everything)

    steps = {tool: (fresh, command) for tool, fresh, command in importing(cotag, work, first)}

    def step(fresh, command):
        def of_round(_):
            fresh()
            return command
        return of_round

    size = os.path.getsize(first)
    table(f"Importing {posts:,} posts, {size / 1e6:.0f} MB", {tool: step(*given) for tool, given in steps.items()}, size)
    for leftover in ["new-store", "new.duckdb", "import.sqlite"]:
        path = os.path.join(work, leftover)
        shutil.rmtree(path, ignore_errors=True)
        if os.path.exists(path):
            os.remove(path)

    store = os.path.join(work, "store")
    add = [cotag, "-q", "--data-dir", store, "import", "-t", "london", "--keep-untagged"]
    subprocess.run([*add, first], check=True, stdout=subprocess.DEVNULL)
    database = os.path.join(work, "posts.duckdb")
    with_duckdb = has("duckdb")
    if with_duckdb:
        subprocess.run(duckdb(f"create table posts as select * from read_json('{first}', format='newline_delimited')", database),
                       check=True, stdout=subprocess.DEVNULL)
    with open(first, encoding="utf-8") as lines:
        seen = collections.Counter(tag for _, line in zip(range(1000), lines) for tag in json.loads(line)["hashtag_names"])
    for question, (options, statement) in questions(seen.most_common(1)[0][0]).items():
        commands = {"cotag": [cotag, "-q", "--data-dir", store, "frequencies", "london", "20", *options]}
        if with_duckdb and statement:
            commands["DuckDB on its own table"] = duckdb(statement, database)
        table(f"Counting a store of {posts:,} posts: {question}", commands)
    if with_duckdb:
        os.remove(database)

    sqlite = os.path.join(work, "posts.sqlite")
    subprocess.run(python(SQLITE_MAKE, sqlite, first), check=True)
    commands = {
        "cotag": lambda number: [*add, more[number]],
        "SQLite (insert or ignore)": lambda number: python(SQLITE_ADD, sqlite, more[number]),
    }
    if with_duckdb:
        keyed = os.path.join(work, "keyed.duckdb")
        subprocess.run(python("import duckdb, sys; duckdb.connect(sys.argv[1]).execute("
                              "'create table posts (id bigint primary key, post varchar)')", keyed), check=True)
        subprocess.run(python(DUCKDB_ADD, keyed, first), check=True)
        commands["DuckDB (insert or ignore)"] = lambda number: python(DUCKDB_ADD, keyed, more[number])
    whole = os.path.join(work, "whole.json")
    with open(first, encoding="utf-8") as lines, open(whole, "w", encoding="utf-8") as file:
        file.write("[" + ", ".join(line.rstrip("\n") for line in lines) + "]")
    commands["tiktok-hashtag-analysis 2's merge"] = lambda number: python(MERGE, whole, more[number])
    table(f"Adding {ADDED:,} posts to {posts:,}", commands)


def main():
    cotag, make_posts, peers, *sizes = sys.argv[1:]
    cotag, make_posts, peers = (os.path.abspath(path) for path in (cotag, make_posts, peers))
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, medians of {ROUNDS} alternating runs, "
          f"SQLite {sqlite3.sqlite_version}", end="")
    for package in ("duckdb", "chdb"):
        if importlib.util.find_spec(package):
            print(f", {package} {importlib.metadata.version(package)}", end="")
    print()
    for posts in map(int, sizes):
        with tempfile.TemporaryDirectory() as work:
            files(cotag, make_posts, peers, work, posts)
            stores(cotag, make_posts, work, posts)
    if skipped:
        print(f"\nSKIPPED: {', '.join(sorted(skipped))}", file=sys.stderr)


main()
