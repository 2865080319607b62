#!/usr/bin/env bash
# One instance of each service for all who ask, started by whoever asks first.
#   shared.sh mysql|mariadb|kafka|elasticsearch|opensearch   prints its port
#   shared.sh stop                                           stops all of them and forgets their data
. "$(dirname "$0")/env.sh"
base=$MILLRACE_STATE/shared
mkdir -p "$base"

case "${1:-}" in
mysql | mariadb | kafka) up=("$HERE/$1.sh" up "$base/$1") ;;
elasticsearch) up=("$HERE/search.sh" up "$base/$1" 8.19.21) ;;
opensearch) up=("$HERE/search.sh" up "$base/$1" os-2.19.6) ;;
stop)
    for dir in "$base"/*/; do stop "${dir%/}"; done
    rm -rf "$base"
    exit 0
    ;;
*) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
# Tests of several processes may ask at the same moment; the lock closes with this shell, not with the service.
exec 9> "$base/$1.lock"
flock 9
"${up[@]}" 9>&-
