"""`python -m cli` is `contact-events`: make calls it so, which also works where a script's path would be too long."""

from cli.main import main

main(prog_name="contact-events")
