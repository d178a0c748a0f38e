#!/bin/sh
# Times cotag in turn with other tools on the same made-up posts and prints ratios.
#
#   benches/peers.sh [POSTS…]        (default 10000 100000; a million needs 8 GB of disk and half an hour)
#
# Asks: counting a file, counting a store (with and without filters), importing a file, adding 1,000 posts to a store.
# The others: wc, jq, DuckDB, ClickHouse (chDB), SQLite, and tiktok-hashtag-analysis 1.0.4 and 2.0.3, whose own functions
# are called without their plotting. Python packages are fetched once into target/peers; whatever cannot be had is named
# and left out. ROUNDS (default 5) is how often each is run. Everything else that is made is in a temporary directory,
# below TMPDIR if that is set. Peaks below that of the Python that measures are not known. Shared machines: trust the
# ratios, not the times.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 10000 100000
if [ -n "${COTAG:-}" ]; then
    MAKE_POSTS=${MAKE_POSTS:-$(dirname "$COTAG")/examples/make_posts}
else
    cargo build --release --locked --bin cotag --example make_posts
    COTAG=target/release/cotag MAKE_POSTS=target/release/examples/make_posts
fi
peers=target/peers
if [ ! -e "$peers/done" ]; then
    python3 -m venv "$peers/venv"
    for package in duckdb chdb; do
        "$peers/venv/bin/pip" install --quiet "$package" || echo "SKIPPED: $package cannot be installed" >&2
    done
    # Without what they depend on: only their counting is asked for.
    for version in 1.0.4 2.0.3; do
        "$peers/venv/bin/pip" install --quiet --no-deps --target "$peers/$version" "tiktok-hashtag-analysis==$version" ||
            echo "SKIPPED: tiktok-hashtag-analysis $version cannot be installed" >&2
    done
    touch "$peers/done"
fi
exec "$peers/venv/bin/python" benches/peers.py "$COTAG" "$MAKE_POSTS" "$peers" "$@"
