"""`python -m bigpicture`: the command line, for those who start modules, as accelerate does."""

from bigpicture.app.cli import main

if __name__ == "__main__":
    main()
