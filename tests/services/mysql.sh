#!/usr/bin/env bash
# MySQL 9 with what a CDC source needs: GTIDs, binary log in ROW format.
#   mysql.sh up DIR [PORT [mysqld options]]   prints the port; data stays in DIR
#   mysql.sh down DIR
#   mysql.sh sql DIR [mysql options]              the command-line client on that server, as root
# Users: root (no password) and debezium/dbz, as the Debezium images have them. MYSQLD names a server to use instead.
. "$(dirname "$0")/env.sh"
root=$MILLRACE_CACHE/mysql-root

server() {
    if [ -n "${MYSQLD:-}" ]; then
        "${run[@]}" "$MYSQLD" --no-defaults "$@"
    else
        "${run[@]}" $(loader "$root") \
            "$root/usr/sbin/mysqld" --no-defaults --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql" \
            --character-sets-dir="$root/usr/share/mysql/charsets" --plugin-dir="$root/usr/lib/mysql/plugin" "$@"
    fi
}

case "${1:-}" in
up)
    dir=$2 port=$(port_of "$2" "${3:-}")
    dir=$(cd "$dir" && pwd)
    [ $# -ge 3 ] && shift 3 || shift 2
    alive "$dir" && { echo "$port"; exit 0; }
    [ -n "${MYSQLD:-}" ] || [ -e "$root/.complete" ] || fetching "MySQL 9 (65 MB)" "$HERE/debian.sh" sid "$root" mysql-server-core mysql-client-core
    common=(--datadir="$dir/my" --user="$(id -un)" --innodb-redo-log-capacity=16M)
    if [ ! -e "$dir/my/.ready" ]; then
        rm -rf "$dir/my"
        cat > "$dir/init.sql" << 'SQL'
SET sql_log_bin=0;
CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY ''; GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS 'debezium'@'%' IDENTIFIED WITH caching_sha2_password BY 'dbz';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO 'debezium'@'%';
SQL
        run=()
        server "${common[@]}" --initialize-insecure --init-file="$dir/init.sql" > "$dir/log" 2>&1 || { tail -n 5 "$dir/log" >&2; die "mysqld could not initialize $dir/my"; }
        touch "$dir/my/.ready"
    fi
    run=(launch "$dir")
    server "${common[@]}" --port="$port" --bind-address=127.0.0.1 --socket="$dir/s.sock" --pid-file="$dir/mysqld.pid" \
        --mysqlx=OFF --secure-file-priv=NULL --gtid-mode=ON --enforce-gtid-consistency=ON --binlog-format=ROW --binlog-row-image=FULL \
        --log-bin=binlog --server-id="${SERVER_ID:-$port}" --default-time-zone=+00:00 --innodb-buffer-pool-size=64M --performance-schema=OFF \
        --table-open-cache=200 "$@"
    wait_for "$dir" 90 answers "$port"
    echo "$port"
    ;;
down) stop "$2" ;;
sql)
    port=$(cat "$2/port")
    shift 2
    if command -v mysql > /dev/null; then client=(mysql); else client=($(loader "$root") "$root/usr/bin/mysql"); fi
    exec "${client[@]}" --no-defaults --host=127.0.0.1 --port="$port" --user=root "$@"
    ;;
*) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
esac
