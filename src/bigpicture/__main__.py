"""`python -m bigpicture`: the command line, for launchers such as accelerate that run modules."""

from bigpicture.app.cli import main

if __name__ == "__main__":
    main()
