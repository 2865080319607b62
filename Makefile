# The only door: `make run` shows the product, `make test` proves it. Both set up what they need.
.PHONY: run test check fmt bench conformance tools clean-services

export CARGO_TERM_COLOR ?= auto
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

# The main job: MySQL to Elasticsearch through Kafka. Ctrl-C stops everything; the next run resumes.
run: tools
	@echo "building the worker and the demo (some minutes the first time) ..."
	@cargo build --release --package millrace --package connect-e2e --bin millrace --bin demo
	@CHANGES=$(CHANGES) MILLRACE_BIN=$(TARGET)/release/millrace $(TARGET)/release/demo

# Style first because it is quick, then every test; real services are started once and stopped at the end.
test: check
	cargo build --workspace --bins
	MILLRACE_BIN=$(TARGET)/debug/millrace cargo test --workspace --no-fail-fast; status=$$?; tests/services/shared.sh stop; exit $$status

# Format, lints, licences of dependencies, and the repository's own rules.
check: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo test --quiet --package connect-e2e --test main -- tidy:: licences::

fmt:
	cargo fmt --all

# JSON lines: CPU-seconds per million records, rates, memory; compared with the targets.
bench: tools
	cargo build --release --package millrace --package connect-bench --bin millrace --bin connect-bench
	@MILLRACE_BIN=$(TARGET)/release/millrace $(TARGET)/release/connect-bench $(SCENARIOS)

# Everything that the originals answered, judged on the release build; writes the table in README.md. ROWS="part of a name".
conformance: tools
	cargo build --release --package millrace --package connect-golden --package connect-e2e --bin millrace --bin golden --bin conformance
	@MILLRACE_BIN=$(TARGET)/release/millrace $(TARGET)/release/conformance $(if $(ROWS),"$(ROWS)"); status=$$?; \
		tests/services/shared.sh stop; exit $$status

tools:
	@tests/services/tools.sh

clean-services:
	tests/services/shared.sh stop
