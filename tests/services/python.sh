#!/usr/bin/env bash
# python.sh REQUIREMENTS   a Python with these packages, in the cache; prints its path.
. "$(dirname "$0")/env.sh"
need python3 python3
environment=$MILLRACE_CACHE/python-$(sha256sum "$1" | cut -c 1-12)
if [ ! -e "$environment/.complete" ]; then
    rm -rf "$environment"
    python3 -m venv "$environment" 2> /dev/null || { need pip3 "python3-venv python3-pip"; python3 -m venv "$environment"; }
    fetching "Python packages of $1" "$environment/bin/pip" install -q --disable-pip-version-check -r "$1"
    touch "$environment/.complete"
fi
echo "$environment/bin/python"
