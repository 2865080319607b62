#!/usr/bin/env bash
# tools.sh   what building and testing need from the system; installs it as root on Debian, else says what to install.
. "$(dirname "$0")/env.sh"
command -v cargo > /dev/null || die "Rust is missing; install it from https://rustup.rs (version $(sed -n 's/^channel = "\(.*\)"/\1/p' "$HERE/../../rust-toolchain.toml") or newer)"
need cc gcc
need make make
need perl perl
need curl curl
need python3 python3
