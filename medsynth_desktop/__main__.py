"""``python -m medsynth_desktop`` is the command line `medsynth`."""

from medsynth_desktop.cli import main

if __name__ == "__main__":
    main()
