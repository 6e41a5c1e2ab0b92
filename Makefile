# Everything that one does with this project. Each target makes what it needs: `make test` on a fresh machine is enough.
# PYTHON chooses the interpreter (3.11 or later): make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SPARK := $(VENV)/.spark
DEMO := build/demo
AS_OF := 2026-03-01
HAPI_PORT ?= 8090
HAPI_DATA ?=
STORY := t-all-relapse-child

unexport PYTHONDONTWRITEBYTECODE  # the tests start many processes, and each would compile everything anew

.PHONY: help install check test lint demo bench soak hapi hapi-ready agreement agreement-large docs-samples profiles lock sbom audit wheel wheel-compiled release sign clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## a virtual environment with the locked versions and this project

$(INSTALLED): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(SPARK): requirements-spark.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.txt
	touch $@

lint: $(INSTALLED)  ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry adapter mappings profiles demo

check: lint  ## lint, then the tests that need no server and are not slow: the loop while one works
	$(BIN)/pytest -n auto -m "not server and not slow"

test: lint $(if $(shell java -version 2>&1 | grep -E 'version "(17|21)'),$(SPARK))  ## lint, then every test
	$(BIN)/pytest -n auto

demo: $(INSTALLED)  ## a made-up cohort, screened for all trials under both policies, and one verdict explained
	$(BIN)/python -m demo.cohort --out $(DEMO)/cohort --patients 320 --seed 7 --as-of $(AS_OF)
	@for policy in strict problem-list; do printf '\n=== policy %s\n\n' $$policy; \
		$(BIN)/trial-adapter screen --source $(DEMO)/cohort --out $(DEMO)/$$policy --policy $$policy --as-of $(AS_OF) \
		|| exit; done
	@printf '\n=== over HTTP: one call of $$evaluate\n\n'
	@$(BIN)/python -m demo.operation $(DEMO)/cohort/p0001.json nct04785833 $(DEMO)/answer.json
	@printf '\nThe patients are in %s/cohort, the verdicts in %s/strict and %s/problem-list.\n' $(DEMO) $(DEMO) $(DEMO)
	@printf '\n=== one verdict explained (the first patient with the story %s)\n\n' $(STORY)
	@$(BIN)/trial-adapter evaluate --study cd7-cart01 --as-of $(AS_OF) --patient $(DEMO)/cohort/$$($(BIN)/python -m \
		demo.cohort --list --patients 320 --seed 7 | awk -F '\t' '$$2 == "$(STORY)" && !seen++ {print $$1}').json

bench: $(INSTALLED)  ## how fast a record is read and evaluated: in the process, over HTTP, and of a FHIR server
	$(BIN)/python -m bench.evaluate
	$(BIN)/python -m bench.compare --compiled
	$(BIN)/python -m bench.trials
	$(BIN)/python -m bench.columns
	$(BIN)/python -m bench.webhook
	$(BIN)/python -m bench.processes
	$(BIN)/python -m bench.jobs
	$(BIN)/python -m bench.service
	$(BIN)/python -m bench.server
	$(BIN)/python -m bench.convert
	$(BIN)/python -m bench.extract --patients 2000 20000
	$(BIN)/python -m bench.hl7v2
	$(BIN)/python -m bench.cql
	$(BIN)/python -m bench.hostile

hapi:  ## a HAPI FHIR server to try things on, until Ctrl-C; HAPI_PORT=8090, HAPI_DATA=a folder that keeps its data
	@docker/hapi/start.sh --port $(HAPI_PORT) $(if $(HAPI_DATA),--data "$(HAPI_DATA)") || [ $$? -eq 130 ]

hapi-ready:  ## wait until the server of `make hapi` answers, however long its first build takes
	@curl --silent --fail --retry 900 --retry-delay 1 --retry-all-errors --output /dev/null \
		http://127.0.0.1:$(HAPI_PORT)/fhir/metadata && echo "ready: http://127.0.0.1:$(HAPI_PORT)/fhir"

agreement-large: $(INSTALLED)  ## SQL over facts against the evaluator: 200,000 patients, both policies; some hours
	$(BIN)/python -m tests.unit.columns.large

agreement: $(INSTALLED)  ## every criterion, evaluator against a CQL engine, over 2,320 patients; needs Java and Maven
	$(BIN)/python -m tests.agreement.run

docs-samples: $(INSTALLED)  ## what the documents show, written anew; with SERVER=URL (a HAPI, which is emptied) all of it
	$(BIN)/python -m tests.docs.regenerate $(if $(SERVER),--server $(SERVER))

profiles: $(INSTALLED)  ## the FHIR package from its FSH sources, by SUSHI; needs Node, npm, Java and Maven
	$(BIN)/python -m profiles.build

soak: $(INSTALLED)  ## the webhook in a long storm on a real HAPI: 200 patients, kills, outages; about half an hour
	SOAK_PATIENTS=200 $(BIN)/pytest tests/integration/webhook

lock: $(VENV)-lock/bin/uv  ## choose versions anew for all requirements*.txt
	rm -f requirements.txt requirements-dev.txt requirements-build.txt requirements-spark.txt
	$(LOCK) pyproject.toml --extra facts --extra traces --output-file requirements.txt
	$(LOCK) pyproject.toml --extra facts --extra traces --group dev --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) pyproject.toml --extra spark --constraint requirements-dev.txt --output-file requirements-spark.txt
	$(LOCK) --group build --constraint requirements-dev.txt --output-file requirements-build.txt

sbom: build/sbom/bin/python $(INSTALLED)  ## what the product is made of, as CycloneDX: build/sbom.json
	$(BIN)/cyclonedx-py environment build/sbom/bin/python --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-file build/sbom.json

audit: $(INSTALLED)  ## known vulnerabilities of what is locked, without Spark; AUDIT="…" are further options of pip-audit
	@mkdir -p build
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements.txt $(AUDIT) >build/audit.txt; \
		found=$$?; cat build/audit.txt; unknown=$$(grep --count 'could not be audited' build/audit.txt); \
		test "$$unknown" = 0 || { echo "$$unknown packages could not be looked up, and are not audited; AUDIT=… names another database" >&2; exit 1; }; \
		exit $$found

wheel: $(INSTALLED)  ## the wheel and the source archive, built twice and compared: dist/
	$(BIN)/python -m ops.release --wheel

wheel-compiled: $(INSTALLED)  ## a wheel with a compiled core too, if it answers as the pure code does: dist/; needs gcc, minutes
	$(BIN)/python -m compiled.check
	$(BIN)/python -m compiled.build --wheel dist

release: sbom  ## all of a release, unsigned, in dist/; IMAGE_METADATA=what docker buildx --metadata-file wrote
	$(BIN)/python -m ops.release $(if $(IMAGE_METADATA),--image-metadata "$(IMAGE_METADATA)")

sign:  ## sign dist/SHA256SUMS with the maintainers' key: KEY=an SSH private key, or a public one of an agent
	@test -n "$(KEY)" || { echo "name the key: make sign KEY=~/.ssh/release" >&2; exit 1; }
	cd dist && sha256sum --check --quiet SHA256SUMS
	rm -f dist/SHA256SUMS.sig
	ssh-keygen -Y sign -f "$(KEY)" -n fhir-trial-adapter dist/SHA256SUMS

build/sbom/bin/python: requirements.txt
	$(PYTHON) -m venv --clear --without-pip build/sbom
	$(BIN)/python -m pip --python build/sbom install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.txt

LOCK := $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate

$(VENV)-lock/bin/uv:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check uv

clean:  ## remove what the other targets made
	rm -rf $(VENV) $(VENV)-lock build docker/hapi/target dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
