# What contributors run. `.ci/run` runs all of it, and more, from a clean clone.

# Lists the recipes.
default:
    @just --list

# Checks the format and the lints of all Rust in the workspace.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --quiet -- -D warnings

# Runs the tests at their quick size.
test:
    cargo test --workspace

# Attacks built programs: kills, faults, power cuts, many writers, dumped memory. Needs root; minutes with --quick.
attack *options="--quick":
    faults/crash/run {{options}}
    faults/concurrency/run {{options}}
    faults/files/run {{options}}
    faults/memory/run {{options}}
    fuzz/run {{options}}

# Measures unlocking, look-ups and saves.
bench:
    cargo bench --package aumbry

# Builds the API's documentation and fails on each warning.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
