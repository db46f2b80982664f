# Each of these is `python3 dev.py NAME`; arguments go in ARGS, as in: make test ARGS="tests/bookings -x"
PYTHON ?= python3
.PHONY: run test thorough races stress emulator lint bench manage sync compile

run:
	@$(PYTHON) dev.py run $(ARGS)

test:
	@$(PYTHON) dev.py test $(ARGS)

thorough:
	@$(PYTHON) dev.py thorough $(ARGS)

races:
	@$(PYTHON) dev.py races $(ARGS)

stress:
	@$(PYTHON) dev.py stress $(ARGS)

emulator:
	@$(PYTHON) dev.py emulator $(ARGS)

lint:
	@$(PYTHON) dev.py lint $(ARGS)

bench:
	@$(PYTHON) dev.py bench $(ARGS)

manage:
	@$(PYTHON) dev.py manage $(ARGS)

sync:
	@$(PYTHON) dev.py sync $(ARGS)

compile:
	@$(PYTHON) dev.py compile $(ARGS)

# The pictures of docs/screens.md.
.PHONY: screens
screens:
	@$(PYTHON) dev.py test tests/browser/screens.py $(ARGS)
