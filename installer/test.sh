#!/usr/bin/env bash
# Installs what is missing and runs every check; says at the end which failed.
#   bash installer/test.sh            every check
#   bash installer/test.sh lint       ruff, mypy, import-linter
#   bash installer/test.sh core       the tests that need no window
#   bash installer/test.sh gui        the tests of the window, on PyQt5 and on PyQt6
set -u
# shellcheck source=install.sh
. "$(dirname "${BASH_SOURCE[0]}")/install.sh"

what="${1:-all}"
case "$what" in
all | lint | core | gui) ;;
-h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
*) say "unknown check '$what': choose all, lint, core or gui."; exit 2 ;;
esac

ensure_packages test
ensure_environment test
cd "$ROOT" || exit 1

failed=()
check() {
    local name="$1" began=$SECONDS
    shift
    printf '\n== %s ==\n' "$name"
    "$@" </dev/null || failed+=("$name")
    printf '(%s: %d s)\n' "$name" "$((SECONDS - began))"
}

# As many threads on every machine, so that a run here says what a run there will.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
wants() { [ "$what" = all ] || [ "$what" = "$1" ]; }

if wants lint; then
    check ruff "$VENV/bin/ruff" check .
    check format "$VENV/bin/ruff" format --check .
    check mypy "$VENV/bin/mypy"
    check import-linter "$VENV/bin/lint-imports"
fi
if wants core; then
    check "tests without a window" env -u DISPLAY -u WAYLAND_DISPLAY "$PYTHON" -m pytest -q -m "not gui"
fi
if wants gui; then
    trap close_screen EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    open_screen
    for binding in pyqt5 pyqt6; do
        check "window on $binding" env QT_API="$binding" PYTEST_QT_API="$binding" "$PYTHON" -m pytest -q -m gui tests/gui
    done
fi

printf '\n'
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "$(IFS=';'; printf '%s' "${failed[*]}" | sed 's/;/; /g')"
    exit 1
fi
printf 'All checks passed in %d s.\n' "$SECONDS"
