"""`python -m focus_cte.cli`, which is `focus-cte`."""

from focus_cte.cli.main import main

if __name__ == "__main__":
    main()
