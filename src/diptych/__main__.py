"""`python -m diptych`."""

from diptych.cli.main import main

if __name__ == "__main__":
    main()
