# Each of these is `python3 dev.py NAME`; arguments go in ARGS, as in: make test ARGS="tests/bookings -x"
PYTHON ?= python3
.PHONY: run test stress lint bench manage sync compile

run test stress lint bench manage sync compile:
	@$(PYTHON) dev.py $@ $(ARGS)

# The pictures of docs/screens.md.
.PHONY: screens
screens:
	@$(PYTHON) dev.py test tests/browser/screens.py $(ARGS)
