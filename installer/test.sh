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

# Two processes at a time with one thread each, on every machine: a run here says what a run there will, and Python
# keeps no more than one core busy.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
wants() { [ "$what" = all ] || [ "$what" = "$1" ]; }

if wants lint; then
    check ruff "$VENV/bin/ruff" check .
    check format "$VENV/bin/ruff" format --check .
    check mypy "$VENV/bin/mypy"
    check import-linter "$VENV/bin/lint-imports"
fi
if wants core; then
    check "tests without a window" env -u DISPLAY -u WAYLAND_DISPLAY \
        "$PYTHON" -m pytest -q -n 2 --dist worksteal -m "not gui"
fi

# The tests of the window on one binding, on a screen of their own.
window() {
    trap close_screen EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    open_screen
    QT_API="$1" PYTEST_QT_API="$1" "$PYTHON" -m pytest -q -m gui tests/gui
}

if wants gui; then
    logs="$(mktemp -d)"
    trap 'rm -rf "$logs"' EXIT
    for binding in pyqt5 pyqt6; do
        (window "$binding") </dev/null >"$logs/$binding" 2>&1 &
        echo $! >"$logs/$binding.pid"
    done
    for binding in pyqt5 pyqt6; do
        ended() { wait "$(cat "$logs/$binding.pid")"; local status=$?; cat "$logs/$binding"; return $status; }
        check "window on $binding" ended
    done
fi

printf '\n'
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "$(IFS=';'; printf '%s' "${failed[*]}" | sed 's/;/; /g')"
    exit 1
fi
printf 'All checks passed in %d s.\n' "$SECONDS"
