# Two commands do everything: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
BIN := .venv/bin
# where this is set, every process that a test starts compiles diptych anew
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint docs studio model bench clean environment

demo: .venv/demo.done
	@$(BIN)/diptych demo

# a core a worker: threads of BLAS would wait for one another, and numpy would take twice as long to load
test: export OPENBLAS_NUM_THREADS = 1
test: export OMP_NUM_THREADS = 1
test: .venv/test.done
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: .venv/lint.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo.done: .venv/bin/python pyproject.toml setup.py constraints.txt $(wildcard src/diptych/classifier/scoring/c/*)
	$(PIP) --editable .
	@touch $@

.venv/test.done: .venv/demo.done
	$(PIP) --editable '.[test,browser]'
	@touch $@

.venv/lint.done: .venv/test.done
	$(PIP) --editable '.[test,browser,lint]'
	@touch $@

# all of them at once, as .ci/run wants them: every installation builds the scorer in C anew
environment: .venv/bin/python
	$(PIP) --editable '.[test,browser,lint,docs]'
	@touch .venv/demo.done .venv/test.done .venv/lint.done .venv/docs.done

# the documentation as a site in docs/_build; a warning is an error
docs: .venv/docs.done
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env --builder html --doctree-dir docs/_build/doctrees docs docs/_build/html

.venv/docs.done: .venv/demo.done
	$(PIP) --editable '.[docs]'
	@touch $@

# a real Label Studio for the tests, apart from .venv because it pins its SDK; with the tables that a first start makes
studio: .venv-studio/bin/label-studio
	PYTHONPATH=src .venv-studio/bin/python -c 'from diptych.labelstudio.database import empty; empty(".venv-studio", print)'

.venv-studio/bin/label-studio:
	$(PYTHON) -m venv .venv-studio
	.venv-studio/bin/python -m pip install --quiet --disable-pip-version-check label-studio==1.23.2

clean:
	rm -rf .venv build dist diptych-demo src/*.egg-info

# the default model that the package ships: from gold, exemplars, and the pool where its texts are at hand
model: .venv/demo.done
	$(BIN)/python -m diptych.classifier.training.make_default

# how fast texts are classified, beside scikit-learn and fastText, how training and studies grow, in an environment of its
# own; half a day: benchmarks/README.md says what each of them takes
bench: .venv-bench/done
	.venv-bench/bin/python benchmarks/speed.py
	.venv-bench/bin/python benchmarks/equality.py
	.venv-bench/bin/python benchmarks/training.py
	.venv-bench/bin/python benchmarks/growth.py
	.venv-bench/bin/python benchmarks/cluster_cost.py

.venv-bench/done: pyproject.toml setup.py constraints.txt $(wildcard src/diptych/classifier/scoring/c/*)
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[parquet,streams]' fasttext-numpy2==0.10.4
	@touch $@
