# What one does with Sheaf, by name. Everything here is a line or two that can be typed by hand just as well.
.PHONY: help setup build demo test chaos chaos-short bench simulate fuzz sanitize clean

help:
	@echo 'make build   build the release: .build/release/sheaf'
	@echo 'make demo    embed thousands of texts with two workers on an embedded broker, and check the books'
	@echo 'make test    run every test; with KAFKA_HOME set, on a real Kafka too'
	@echo 'make chaos   kill workers and brokers of a real Kafka (KAFKA_HOME) a hundred times, and account for a million records;'
	@echo '             chaos-short: two minutes of it; ARGS="--seed 7" runs one again, ARGS=--help lists what can be chosen'
	@echo 'make bench   compare with a C loop on librdkafka that does the same job'
	@echo 'make simulate  compare the batching policies in simulated time'
	@echo 'make fuzz    a minute of fuzzing for each decoder, see docs/development.md'
	@echo 'make sanitize  run the tests under the address and the thread sanitizer'
	@echo 'make clean   remove what was built (.sheaf/, what was downloaded, stays)'
	@echo 'make setup   fetch what the others need; they call it themselves'

setup:
	@scripts/setup

build: setup
	swift build -c release --product sheaf

demo: build
	.build/release/sheaf demo

test: setup
	@scripts/setup newer-librdkafka
	swift build --build-tests
	# In two runs: what computes would take the processors from what has to keep time with a broker.
	swift test --skip-build --skip SheafKafkaTests
	swift test --skip-build --filter SheafKafkaTests

chaos: setup
	swift build -c release --product TestWorker
	swift build -c release --product Chaos
	.build/release/Chaos $(ARGS)

chaos-short: setup
	swift build --product TestWorker
	swift build --product Chaos
	.build/debug/Chaos --short $(ARGS)

bench: setup
	Benchmarks/run
	Benchmarks/.build/release/batching

simulate:
	swift run -c release --package-path Benchmarks/Simulate simulate --quick --seeds 6

fuzz: setup
	scripts/fuzz

sanitize: setup
	scripts/sanitize

clean:
	rm -rf .build .build-* Benchmarks/.build
