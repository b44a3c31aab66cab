"""`python -m service` is `watershed`."""

from service.cli import main

main(prog_name="watershed")
