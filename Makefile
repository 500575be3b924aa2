# Every target sets up what it needs. Variables: LAB=vgg16, ARGS="…", WEIGHTS=file, PICTURE=file, ORACLE=1
LAB ?= vgg16
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GRADER := $(BIN)/python -m grader
WEIGHTS_OPTION := $(if $(WEIGHTS),--weights "$(WEIGHTS)")

# Options of an experiment: make run LAB=… STEPS=300. All that is typed is passed on, so that a slip is refused where the
# options are known. What only stands in the environment does not count.
OWN := LAB ARGS WEIGHTS PICTURE ORACLE NAME PYTHON
TYPED := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
OPTIONS := $(filter-out $(OWN),$(TYPED))
RUN_OPTIONS := $(foreach name,$(OPTIONS),--set $(name)="$($(name))")
UNKNOWN := $(if $(filter run,$(MAKECMDGOALS)),,$(OPTIONS))
# Another make that calls this one has variables of its own.
ifeq ($(MAKELEVEL),0)
ifneq ($(UNKNOWN),)
$(error there is no variable (没有变量) $(UNKNOWN); there are (有): $(OWN))
endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup start check grade publish run data new-lab lint-lab kit test lint bench doctor clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo '  e.g. make grade LAB=vgg16        labs: $(notdir $(patsubst %/lab.yaml,%,$(wildcard labs/*/lab.yaml)))'

# A stamp per set of extras: installed again only when pyproject.toml changes.
$(VENV)/stamp-core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing the packages (once)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e . || { echo "pip could not install the packages; see above. A network is needed for this step only."; exit 1; }
	@touch $@

$(VENV)/stamp-dev: $(VENV)/stamp-core
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/stamp-oracle: $(VENV)/stamp-dev
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[oracle]'
	@touch $@

setup: $(VENV)/stamp-core ## install the packages into .venv

start: setup ## copy the skeleton of LAB to stu_upload/LAB
	@$(GRADER) start $(LAB) $(ARGS)

check: setup ## check your work on LAB against the public fixtures
	@$(GRADER) check $(LAB) $(WEIGHTS_OPTION) $(ARGS) || test $$? -eq 1

grade: setup ## grade stu_upload/LAB against the hidden fixtures
	@$(GRADER) grade $(LAB) $(WEIGHTS_OPTION) $(ARGS)

publish: setup ## record the fixtures of LAB from the reference (instructors)
	@$(GRADER) publish $(LAB) $(WEIGHTS_OPTION) $(ARGS)

run: setup ## run your network of LAB on PICTURE, or its whole experiment
	@$(GRADER) run $(LAB) $(if $(PICTURE),"$(PICTURE)") $(WEIGHTS_OPTION) $(RUN_OPTIONS) $(ARGS)

data: setup ## fetch the large public data that LAB can use, such as all of MNIST
	@$(GRADER) data $(LAB)

new-lab: setup ## write a complete small lab called NAME, to be changed into your own (instructors)
	@$(GRADER) new-lab $(NAME)

lint-lab: setup ## say everything that is wrong with the files of LAB (instructors)
	@$(GRADER) lint-lab $(LAB)

kit: setup ## build what students of LAB get: dist/LAB-kit.zip (instructors)
	@$(GRADER) kit $(LAB) $(ARGS)

test: $(VENV)/stamp-$(if $(ORACLE),oracle,dev) ## run the tests; ORACLE=1 also compares with PyTorch
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/stamp-dev ## check style, types and which room imports which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/stamp-oracle ## measure the engine against PyTorch, the jail, grading, a class
	@$(BIN)/python -m benchmarks $(ARGS)

doctor: setup ## say how well this host isolates student code
	@$(GRADER) doctor

clean: ## remove .venv, caches and results
	@rm -rf $(VENV) .cache build dist results .pytest_cache .ruff_cache .mypy_cache .import_linter_cache *.egg-info
