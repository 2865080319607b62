#!/usr/bin/env bash
# Elasticsearch or OpenSearch, one node, without security.
#   search.sh up DIR VERSION [PORT]   VERSION is 8.19.21, 7.17.29 ... or os-2.19.6; prints the port; data stays in DIR
#   search.sh down DIR
# SEARCH_HEAP: heap (default 512m).
. "$(dirname "$0")/env.sh"

case "${1:-}" in
up)
    dir=$2 version=$3 port=$(port_of "$2" "${4:-}")
    dir=$(cd "$dir" && pwd)
    alive "$dir" && { echo "$port"; exit 0; }
    need java openjdk-17-jre-headless
    need unzip unzip
    if [[ $version == os-* ]]; then
        product=opensearch number=${version#os-} group=org.opensearch.distribution.integ-test-zip:opensearch
    else
        product=elasticsearch number=$version group=org.elasticsearch.distribution.integ-test-zip:elasticsearch
    fi
    archive=$MILLRACE_CACHE/$product-$number.zip
    [ -s "$archive" ] || fetching "$product $number (60 to 110 MB)" maven "$group:$number:zip" "$MILLRACE_CACHE"
    home=$dir/$product-$number
    [ -d "$home" ] || unzip -q "$archive" -d "$dir"
    [ -s "$dir/transport-port" ] || free_port > "$dir/transport-port"
    {
        echo "cluster.name: test-$port"
        echo "node.name: n1"
        echo "network.host: 127.0.0.1"
        echo "http.port: $port"
        echo "transport.port: $(cat "$dir/transport-port")"
        echo "discovery.type: single-node"
        echo "path.data: $dir/data"
        echo "path.logs: $dir/logs"
        echo "cluster.routing.allocation.disk.threshold_enabled: false"
        [ "$product" = opensearch ] || echo "xpack.security.enabled: false"
    } > "$home/config/$product.yml"
    mkdir -p "$home/config/jvm.options.d" "$dir/data" "$dir/logs" "$dir/tmp"
    printf '%s\n' "-Xms${SEARCH_HEAP:-512m}" "-Xmx${SEARCH_HEAP:-512m}" > "$home/config/jvm.options.d/heap.options"
    java_home=${SEARCH_JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}
    # Both refuse to run as root, so root lends them a user of their own, who must be able to walk to DIR.
    as=()
    if [ "$(id -u)" = 0 ]; then
        id millrace-search > /dev/null 2>&1 || useradd -r -M -d /nonexistent -s /usr/sbin/nologin millrace-search
        chown -R millrace-search "$dir"
        as=(setpriv --reuid=millrace-search --regid="$(id -g millrace-search)" --clear-groups)
        "${as[@]}" test -x "$dir" || die "$product runs as its own user, who can't enter $dir; set MILLRACE_STATE to a folder that everyone can enter"
    fi
    cd "$home"
    launch "$dir" "${as[@]}" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME="$dir" ES_TMPDIR="$dir/tmp" OPENSEARCH_TMPDIR="$dir/tmp" \
        JAVA_HOME="$java_home" ES_JAVA_HOME="$java_home" OPENSEARCH_JAVA_HOME="$java_home" "bin/$product"
    wait_for "$dir" 180 curl -fs -m 2 "http://127.0.0.1:$port/_cluster/health"
    echo "$port"
    ;;
down) stop "$2" ;;
*) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
esac
