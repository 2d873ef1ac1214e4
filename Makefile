# The two commands:  make book   and   make test.
# Both first make the environment ($(VENV)), which happens once; nothing else has to be installed.

VENV ?= .venv
PYTHON ?= $(shell python3.11 -c "print('python3.11')" 2>/dev/null || echo python3)
PY = $(VENV)/bin/python
READY = $(VENV)/.installed

# Chapters whose stored outputs nbval compares with a fresh run.
CHECKED := $(sort $(wildcard book/[0-9][0-9]_*.ipynb))

# Two threads in one process give other numbers than one, and on a busy machine are slower.
export OMP_NUM_THREADS ?= 1

ifndef CANCE_DATA
ifneq ($(wildcard ../shared/data),)
export CANCE_DATA := $(abspath ../shared/data)
endif
endif

.PHONY: help book pdf test bench lock clean

help:
	@echo "make book   set up $(VENV), run chapter 08 live, build the book into book/_build/html"
	@echo "make pdf    print the built book into book/_build/book.pdf; needs chromium (apt-get install chromium)"
	@echo "make test   set up $(VENV), run the tests, check the stored notebooks and the book"
	@echo "make bench  time the method and what it is compared with; an idle core, half an hour"
	@echo "make lock   regenerate requirements.lock from pyproject.toml (LOCK_ARGS=--upgrade for newer versions)"
	@echo "make clean  remove what the commands above made, but for $(VENV)"

$(READY): requirements.lock pyproject.toml
	@echo "== environment: $(VENV), from requirements.lock (once; minutes, and about 6.5 GB on Linux)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --require-hashes -r requirements.lock
	@echo "== environment: the package itself"
	$(PY) -m pip install --no-deps --no-build-isolation -e .
	@touch $@

book: $(READY)
	@echo "== chapter 08, live: trains and scores on this machine; outputs in build/live"
	$(PY) -m cance.pages.notebooks run 08_cance --out build/live/08_cance.ipynb
	@$(PY) -m cance.pages.notebooks headline build/live/08_cance.ipynb
	@echo "== the book, from the committed outputs"
	$(VENV)/bin/jupyter-book build book/ -W -n --keep-going

pdf: $(READY)
	@echo "== the book on paper: book/_build/book.pdf"
	$(VENV)/bin/jupyter-book build book/ -W -n --keep-going
	$(PY) -m cance.pages.pdf

# A worker a core, up to four; a file stays with one worker, since its tests share what they fit.
WORKERS = -n logical --maxprocesses 4 --dist loadfile

# The fast suite comes last, so that its closing line, "N passed", stands only if nbval passed too.
test: $(READY)
	@echo "== nbval: the stored outputs of $(CHECKED) against a fresh run"
	$(PY) -m pytest $(WORKERS) --nbval-lax --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg $(CHECKED)
	@echo "== the fast tests; the book's build is one of them"
	$(PY) -m pytest $(WORKERS)

# On an idle core: speeds are reported, never asserted.
bench: $(READY)
	$(PY) -m pytest tests/benchmarks -m "" --no-header -q

# Existing pins are kept where they still fit. uv lives in an environment of its own.
lock:
	@echo "== requirements.lock, from pyproject.toml with all its extras"
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install -q uv
	build/lock/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-annotate --no-config --no-emit-index-url -q \
	  --custom-compile-command "make lock" \
	  $(LOCK_ARGS) -o requirements.lock

clean:
	@echo "== removing build, book/_build and caches"
	rm -rf build book/_build .pytest_cache .ruff_cache .hypothesis .benchmarks
