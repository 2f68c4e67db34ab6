"""`python -m vms` is the `vms` command."""

from vms.cli import main

main()
