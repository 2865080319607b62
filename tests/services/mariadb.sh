#!/usr/bin/env bash
# MariaDB 10.11 with what a CDC source needs: GTIDs, binary log in ROW format.
#   mariadb.sh up DIR [PORT [mariadbd options]]   prints the port; data stays in DIR
#   mariadb.sh down DIR
# Users: root (no password) and debezium/dbz. MARIADBD names a server to use instead.
. "$(dirname "$0")/env.sh"
root=$MILLRACE_CACHE/mariadb-root

server() {
    if [ -n "${MARIADBD:-}" ]; then
        "${run[@]}" "$MARIADBD" --no-defaults "$@"
    else
        "${run[@]}" $(loader "$root") \
            "$root/usr/sbin/mariadbd" --no-defaults --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql" \
            --character-sets-dir="$root/usr/share/mysql/charsets" --plugin-dir="$root/usr/lib/mysql/plugin" "$@"
    fi
}

case "${1:-}" in
up)
    dir=$2 port=$(port_of "$2" "${3:-}")
    dir=$(cd "$dir" && pwd)
    [ $# -ge 3 ] && shift 3 || shift 2
    alive "$dir" && { echo "$port"; exit 0; }
    [ -n "${MARIADBD:-}" ] || [ -e "$root/.complete" ] || fetching "MariaDB 10.11 (40 MB)" "$HERE/debian.sh" bookworm "$root" mariadb-server-core mariadb-client-core
    common=(--datadir="$dir/my" --user="$(id -un)" --innodb-log-file-size=8M)
    init=()
    if [ ! -e "$dir/my/.ready" ]; then
        rm -rf "$dir/my"
        mkdir -p "$dir/my/mysql"
        share=$root/usr/share/mysql
        [ -n "${MARIADBD:-}" ] && share=$(dirname "$(dirname "$MARIADBD")")/share/mysql
        # mariadb-install-db is a shell script around these same files; feeding them to --bootstrap needs no perl.
        {
            echo "CREATE DATABASE IF NOT EXISTS mysql;"
            echo "USE mysql;"
            echo "SET @auth_root_socket=NULL;"
            cat "$share/mysql_system_tables.sql" "$share/mysql_performance_tables.sql" "$share/mysql_system_tables_data.sql" "$share/fill_help_tables.sql" "$share/maria_add_gis_sp_bootstrap.sql" 2> /dev/null
        } > "$dir/bootstrap.sql"
        run=()
        server "${common[@]}" --bootstrap --skip-grant-tables --log-bin=0 < "$dir/bootstrap.sql" > "$dir/log" 2>&1 || { tail -n 5 "$dir/log" >&2; die "mariadbd could not initialize $dir/my"; }
        cat > "$dir/init.sql" << 'SQL'
SET sql_log_bin=0;
DELETE FROM mysql.global_priv WHERE User='';
FLUSH PRIVILEGES;
CREATE OR REPLACE USER 'root'@'%' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
CREATE OR REPLACE USER 'debezium'@'%' IDENTIFIED BY 'dbz';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, BINLOG MONITOR, LOCK TABLES ON *.* TO 'debezium'@'%';
SQL
        init=(--init-file="$dir/init.sql")
    fi
    run=(launch "$dir")
    server "${common[@]}" --port="$port" --bind-address=127.0.0.1 --socket="$dir/s.sock" --pid-file="$dir/m.pid" --log-bin=mariadb-bin --binlog-format=ROW \
        --binlog-row-image=FULL --server-id="${SERVER_ID:-$port}" --gtid-strict-mode=ON --gtid-domain-id=0 --default-time-zone=+00:00 \
        --innodb-buffer-pool-size=32M --skip-name-resolve --character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci "${init[@]}" "$@"
    wait_for "$dir" 90 answers "$port"
    touch "$dir/my/.ready"
    echo "$port"
    ;;
down) stop "$2" ;;
*) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
esac
